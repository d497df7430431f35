package counts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/theriac-edge/theriac/modules"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// backend is a shop: /hang answers when it is released, /slow late, /broken with 500.
type backend struct {
	addr    string
	release chan struct{}
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{release: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/hang"):
			select {
			case <-b.release:
			case <-r.Context().Done():
			}
		case strings.HasPrefix(r.URL.Path, "/slow"):
			time.Sleep(300 * time.Millisecond)
		case strings.HasPrefix(r.URL.Path, "/broken"):
			w.WriteHeader(http.StatusInternalServerError)
		case strings.HasSuffix(r.URL.Path, ".jpg"):
			w.Header().Set("Content-Type", "image/jpeg")
		case r.URL.Path == "/checkout" && r.Method == http.MethodPost:
			http.Redirect(w, r, "/thanks", http.StatusSeeOther)
		}
		fmt.Fprint(w, "shop")
	}))
	t.Cleanup(server.Close)
	b.addr = server.Listener.Addr().String()
	return b
}

// localEdge is an edge in this process.
type localEdge struct {
	*edge.Edge
	t *testing.T
}

// open starts an edge with this chain in front of a backend.
func open(t *testing.T, chain string) *localEdge {
	t.Helper()
	h := &localEdge{Edge: &edge.Edge{Addr: need.Addr(t)}, t: t}
	h.URL = "http://" + h.Addr
	h.load(chain)
	h.shop().Tally.SetSlow(time.Minute) // this machine may be busy
	t.Cleanup(func() { _ = caddy.Stop() })
	return h
}

func (h *localEdge) load(chain string) {
	h.t.Helper()
	text := strings.NewReplacer("{$ADMIN}", "off", "{$PORT}", kit.PortOf(h.Addr)).Replace(
		kit.Global("node a\nsecret "+kit.Secret) + kit.Site(kit.AnyHost, chain))
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		h.t.Fatal(err)
	}
}

// shop is the shop of the configuration in force.
func (h *localEdge) shop() *shield.Shop {
	h.t.Helper()
	app, err := caddy.ActiveContext().App("shield")
	if err != nil {
		h.t.Fatal(err)
	}
	return app.(*shield.App).Shops()[0]
}

// setLevel sets the level of the shop.
func (h *localEdge) setLevel(level shop.Level) {
	h.t.Helper()
	app, err := caddy.ActiveContext().App("shield")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := app.(*shield.App).Pin(h.t.Context(), "loewen", levels.Pin{Level: level}, time.Hour); err != nil {
		h.t.Fatal(err)
	}
}

func (h *localEdge) counts() watch.Counts { return h.shop().Tally.Counts(time.Now()) }

// since are the counts since an earlier moment; the gauges are as they are now.
func since(is, was watch.Counts) watch.Counts {
	for s := range watch.Streams {
		is.Arrived[s] -= was.Arrived[s]
		is.Vouched[s] -= was.Vouched[s]
		is.Through[s] -= was.Through[s]
	}
	for c := range watch.Controls {
		is.Stopped[c] -= was.Stopped[c]
	}
	for of, before := range map[*uint64]uint64{
		&is.Assets: was.Assets, &is.Answered: was.Answered, &is.Bad: was.Bad, &is.Crowded: was.Crowded, &is.Customers: was.Customers,
		&is.Served: was.Served, &is.Asked: was.Asked, &is.Solved: was.Solved, &is.Gone: was.Gone, &is.Orders: was.Orders,
	} {
		*of -= before
	}
	return is
}

// expect waits until the counts have grown by want since an earlier moment: an answer is here
// before the edge has counted its end. Distinct is compared where want has it.
func (h *localEdge) expect(what string, was, want watch.Counts) {
	h.t.Helper()
	var got watch.Counts
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		got = since(h.counts(), was)
		if want.Distinct == 0 {
			got.Distinct = 0
		}
		if got == want {
			return
		}
	}
	h.t.Errorf("%s:\n%+v, want\n%+v", what, got, want)
}

// streams is a count in one stream.
func streams(s watch.Stream, n uint64) (all [watch.Streams]uint64) {
	all[s] = n
	return all
}

// stopped is a count of one control.
func stopped(c watch.Control, n uint64) (all [watch.Controls]uint64) {
	all[c] = n
	return all
}
