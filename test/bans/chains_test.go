package bans

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// chainsOf returns a chain for each subset of the stages that may follow
// shop_visit, by the name of its shop, each in front of the backend and in front
// of a bare respond.
func chainsOf(backend string) map[string]string {
	stages := []string{"limit", "challenge", "waf"}
	last := map[string]string{"backend": "shop_backend " + backend, "respond": "respond 200"}
	chains := make(map[string]string)
	for subset := range 1 << len(stages) {
		for end, handler := range last {
			id, lines := "", ""
			for i, stage := range stages {
				if subset>>i&1 == 1 {
					id += stage + "-"
					lines += "shop_" + stage + " %[1]s\n"
				}
			}
			id += end
			chains[id] = strings.ReplaceAll("shop_visit %[1]s\n"+lines+handler+"\n", "%[1]s", id)
		}
	}
	return chains
}

// TestBansHoldInEveryChain: whatever stages a shop has, a client that is banned
// at all shops or at this one is refused, and explain says so. The control:
// a client that is not banned passes, as does one that was unbanned and one that is
// banned at another shop.
func TestBansHoldInEveryChain(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	chains := chainsOf(backend.Addr)
	if len(chains) != 16 {
		t.Fatalf("%d chains, want 16", len(chains))
	}
	var caddyfile strings.Builder
	caddyfile.WriteString(kit.Global("secret "+kit.Secret) + kit.Site("sonnen.localhost:{$PORT}", "shop_visit sonnen\nrespond 200"))
	for id, chain := range chains {
		caddyfile.WriteString(kit.Site(id+".localhost:{$PORT}", chain))
	}
	e := edge.Start(t, caddyfile.String())
	const everywhere, elsewhere, never, unbanned = "127.9.0.3", "127.9.1.3", "127.9.2.3", "127.9.3.3"
	for _, order := range []string{
		`{"client":"` + everywhere + `"}`, `{"client":"` + elsewhere + `","shop":"sonnen"}`,
		`{"client":"` + unbanned + `"}`, `{"client":"` + unbanned + `","lift":true}`,
	} {
		e.Post(t, "/shield/bans", order)
	}
	here := make(map[string]string) // client that is banned at one shop only, by that shop
	for id := range chains {
		here[id] = fmt.Sprintf("127.9.4.%d", len(here)+1)
		e.Post(t, "/shield/bans", `{"client":"`+here[id]+`","shop":"`+id+`"}`)
	}
	said := make(map[string]string) // by explain, of each client
	for id := range chains {
		t.Run(id, func(t *testing.T) {
			for client, banned := range map[string]bool{
				everywhere: true, here[id]: true, elsewhere: false, never: false, unbanned: false,
			} {
				got := open(t, client, e.URL, "Host: "+id+".localhost")
				if banned && !isBan(got) || !banned && got.Status != http.StatusOK {
					t.Errorf("%s, banned %v: %d %v %q", client, banned, got.Status, got.Header, got.Body)
				}
				if said[client] == "" {
					said[client] = explained(t, e, client)
				}
				if refusedAt(t, said[client], id) != banned {
					t.Errorf("%s, banned %v: explain says %s", client, banned, said[client])
				}
			}
			if got := kit.Metric(t, e, `theriac_visit_requests_total{class="page",shop="`+id+`",stage="ban"}`); got != 2 {
				t.Errorf("%d requests were refused by a ban, want 2", got)
			}
		})
	}
}

// refusedAt reports whether explain says of a client that a shop refuses it.
func refusedAt(t testing.TB, explanation, id string) bool {
	t.Helper()
	var e struct {
		Shops map[string][]struct{ Stage, Says string }
	}
	if err := json.Unmarshal([]byte(explanation), &e); err != nil || len(e.Shops) == 0 {
		t.Fatalf("explain: %v: %s", err, explanation)
	}
	for _, f := range e.Shops[id] {
		if f.Stage == "ban" && strings.Contains(f.Says, "is refused") {
			return true
		}
	}
	return false
}
