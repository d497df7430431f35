package replay

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestFirewall sends requests from public reports about firewalls before shops.
// A harmless one reaches the shop byte for byte, and an attack does not; one in which a name
// comes many times is sent twenty times, with the same end each time.
func TestFirewall(t *testing.T) {
	need.Loopback(t)
	const dir = "testdata/firewall"
	index, err := os.ReadFile(filepath.Join(dir, "index.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	s := openShop(t, nil)
	e := shielded(t, s, "")
	listed := 0
	for line := range strings.Lines(string(index)) {
		listed++
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		name, want, what := fields[0], fields[1], fields[2]
		if otherwise, ok := decidedOtherwise[name]; ok {
			want = otherwise
		}
		text, err := os.ReadFile(filepath.Join(dir, name+".http"))
		if err != nil {
			t.Fatal(err)
		}
		_, sent, _ := strings.Cut(string(text), "\r\n\r\n")
		times := 1
		if strings.Contains(name, "-dup-") {
			times = 20
		}
		for range times {
			client := newClient()
			got := raw(t, e, client, string(text))
			received := s.from(client)
			switch {
			case want == "pass" && len(received) != 1:
				t.Errorf("%s (%s): status %d, and the shop got %d requests%s", name, what, got.status, len(received), explained(t, e, got))
			case want == "pass" && received[0].body != sent:
				t.Errorf("%s (%s): of %d bytes the shop got %d others", name, what, len(sent), len(received[0].body))
			case want == "refuse" && (len(received) != 0 || got.status < 400 || got.status >= 500):
				t.Errorf("%s (%s): status %d, and the shop got %d requests", name, what, got.status, len(received))
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil || len(files) != listed {
		t.Errorf("%d requests are listed, and %d are there: %v", listed, len(files), err)
	}
}

// decidedOtherwise are the cases in which something else than the report's expectation is
// right; docs/design/waf.md says why.
var decidedOtherwise = map[string]string{}

// aReference is how a refusal names itself.
var aReference = regexp.MustCompile(`\b[0-9a-z]{4}-[0-9a-z]{4}\b`)

// explained is what `theriac shield waf explain` says of a refusal.
func explained(t *testing.T, e *edge.Edge, refusal *reply) string {
	t.Helper()
	question := `{"reference":"` + aReference.FindString(refusal.body) + `"}`
	return "\n" + kit.Send(t, http.DefaultClient, http.MethodPost, "http://"+e.Admin+"/shield/explain", question, "Content-Type: application/json").Body
}

// TestRefusalsAreLogged: a line a second for each shop, as long as it refuses, and no more.
func TestRefusalsAreLogged(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	attack := func() {
		if got := ask(t, e, newClient(), "GET", "/suche?q='%20UNION%20ALL%20SELECT%20a%20FROM%20b--", browses); got.status != http.StatusForbidden {
			t.Fatalf("an attack: status %d", got.status)
		}
	}
	const seconds = 3
	for began := time.Now(); time.Since(began) < seconds*time.Second; time.Sleep(50 * time.Millisecond) {
		attack()
	}
	time.Sleep(1100 * time.Millisecond)
	attack()
	if lines := strings.Count(e.Log(), "request refused"); lines < 3 || lines > seconds+3 {
		t.Errorf("%d lines of refusals in %d seconds; want one each second", lines, seconds)
	}
}
