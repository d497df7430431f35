package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// page is docs/operations/alerts.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/operations/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a language.
func blocks(t *testing.T, language string) (texts []string) {
	t.Helper()
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		texts = append(texts, found[1])
	}
	return texts
}

// TestPayloads: the examples of the page are what receivers get.
func TestPayloads(t *testing.T) {
	var documented []string
	for _, text := range blocks(t, "json") {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(text)); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		documented = append(documented, compact.String())
	}
	for _, name := range []string{"theriac", "slack", "pagerduty", "alertmanager"} {
		if got := string(encoded(t, name, opened())); !slices.Contains(documented, got) {
			t.Errorf("the page has no example of %s as it is: %s", name, got)
		}
	}
	if len(documented) != 4 {
		t.Errorf("%d examples, want 4", len(documented))
	}
}

// TestPage: kinds, settings and formats of the page are those of the code.
func TestPage(t *testing.T) {
	text := page(t)
	for _, kind := range kindNames[:Test] {
		if !strings.Contains(text, "\n| `"+kind+"` |") {
			t.Errorf("the kind %s is not in the table", kind)
		}
	}
	for _, settings := range []any{Webhook{}, Mail{}} {
		for field := range reflect.TypeOf(settings).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !regexp.MustCompile("(?m)^\\| .*`" + name + "`.* \\|").MatchString(text) {
				t.Errorf("the setting %s is in no table", name)
			}
		}
	}
	for name := range formats {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the format %s is not on the page", name)
		}
	}
}

// TestVerifiersOfThePage: the programs of the page accept what we sign, and nothing else.
func TestVerifiersOfThePage(t *testing.T) {
	key, err := parseSecret(key1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := parseSecret(key2)
	if err != nil {
		t.Fatal(err)
	}
	body := encoded(t, "theriac", opened())
	signed := func(at time.Time, keys ...[]byte) http.Header {
		h := http.Header{}
		sign(h, keys, "msg_1", at, body)
		return h
	}
	now := time.Now()
	for name, run := range map[string]func(program string) *exec.Cmd{
		"python": func(program string) *exec.Cmd {
			return exec.Command(need.Python(t), "-c", program+"\nimport json, sys\nr = json.load(sys.stdin)\n"+
				"print(is_genuine(r['secret'], r['headers'], r['body'].encode()))")
		},
		"php": func(program string) *exec.Cmd {
			return exec.Command(need.PHP(t), "-r", program+"$r = json_decode(stream_get_contents(STDIN), true);"+
				"echo is_genuine($r['secret'], $r['headers'], $r['body']) ? 'True' : 'False';")
		},
		"js": func(program string) *exec.Cmd {
			return exec.Command(need.Node(t), "-e", program+"const r = JSON.parse(require('fs').readFileSync(0))\n"+
				"console.log(is_genuine(r.secret, r.headers, Buffer.from(r.body)) ? 'True' : 'False')")
		},
	} {
		programs := blocks(t, name)
		if len(programs) != 1 {
			t.Fatalf("%d programs in %s, want 1", len(programs), name)
		}
		for what, step := range map[string]struct {
			secret string
			header http.Header
			body   string
			want   string
		}{
			"as it is":         {key1, signed(now, key), string(body), "True"},
			"while it rotates": {key1, signed(now, other, key), string(body), "True"},
			"another secret":   {key2, signed(now, key), string(body), "False"},
			"another body":     {key1, signed(now, key), string(body) + " ", "False"},
			"an hour old":      {key1, signed(now.Add(-time.Hour), key), string(body), "False"},
		} {
			headers := map[string]string{}
			for header := range step.header {
				headers[strings.ToLower(header)] = step.header.Get(header)
			}
			in, err := json.Marshal(map[string]any{"secret": step.secret, "headers": headers, "body": step.body})
			if err != nil {
				t.Fatal(err)
			}
			cmd := run(programs[0])
			cmd.Stdin = bytes.NewReader(in)
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != step.want {
				t.Errorf("%s, %s: %s, %v; want %s", name, what, fmt.Sprint(got), err, step.want)
			}
		}
	}
}
