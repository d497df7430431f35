package counters

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) { sample.Main(m) }

// edge is a store of which tests ask more.
type edge struct{ *Redis }

// unstarted makes an edge that is closed with the test.
func unstarted(t testing.TB, opts tier.Options) *edge {
	t.Helper()
	r, err := NewRedis(RedisOptions{opts, 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &edge{r}
}

// edges starts n edges that share the store of opts, and waits until each of them
// knows of all.
func edges(t testing.TB, n int, opts tier.Options) []*edge {
	t.Helper()
	stores := make([]*edge, n)
	for i := range stores {
		o := opts
		o.Node = fmt.Sprintf("edge-%d", i+1)
		stores[i] = unstarted(t, o)
		stores[i].Start()
		stores[i].Start() // once more changes nothing
	}
	for _, e := range stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := e.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

// setIt sets a level, or deletes it if the value is empty.
func setIt(t testing.TB, e *edge, id, value string, ttl time.Duration) {
	t.Helper()
	err := error(nil)
	if value == "" {
		err = e.Delete(t.Context(), Level, id, Manual)
	} else {
		err = e.Set(t.Context(), Level, id, value, ttl, Manual)
	}
	if errors.Is(err, ErrRefused) {
		t.Error(err)
	} else if err != nil { // the store is told as soon as it is back
		sample.Within(t, 10*time.Second, "the store is told after "+err.Error(), func() bool {
			_, pending := e.Count(Level)
			return pending == 0
		})
	}
}

// know waits until every edge knows these levels and no others.
func know(t testing.TB, stores []*edge, patience time.Duration, want map[string]string) {
	t.Helper()
	values := func(e *edge) map[string]string {
		all := map[string]string{}
		for _, known := range e.All(Level) {
			all[known.ID] = known.Value
		}
		return all
	}
	for i, e := range stores {
		sample.Within(t, patience, fmt.Sprintf("edge %d knows %v; it knows %v", i+1, want, values(e)), func() bool {
			return maps.Equal(values(e), want)
		})
	}
}

// subscribedAll waits until each edge hears what the first one sets.
func subscribedAll(t testing.TB, stores []*edge) {
	t.Helper()
	sample.Within(t, 10*time.Second, "every edge hears and has everything", func() bool {
		setIt(t, stores[0], "hello", "there", 0)
		time.Sleep(50 * time.Millisecond)
		version, _ := stores[0].Version()
		for _, e := range stores {
			if v, sure := e.Version(); !sure || v != version || v == 0 {
				return false
			}
		}
		return true
	})
	setIt(t, stores[0], "hello", "", 0)
	know(t, stores, 5*time.Second, map[string]string{})
}

// banIt asks for a ban of "a" or "a@rosen".
func banIt(t testing.TB, e *edge, target string, cause ban.Cause, life time.Duration) {
	t.Helper()
	name, at, _ := strings.Cut(target, "@")
	err := e.Ban(BanRequest{
		Ban: ban.Ban{Key: sample.Key(name), Shop: shop.ID(at), Cause: cause, Rule: "client", Until: time.Now().Add(life)},
		At:  "rosen", Subnet: sample.Key("net of " + name), PerMinute: 100,
	})
	if err != nil {
		t.Error(err)
	}
}

// list waits until every edge has these bans: "a@rosen=limit".
func list(t testing.TB, stores []*edge, patience time.Duration, want string) {
	t.Helper()
	names := map[netkey.Key]string{sample.Key("a"): "a", sample.Key("b"): "b"}
	bans := func(e *edge) string {
		var all []string
		for _, b := range e.Bans() {
			name := names[b.Key]
			if b.Shop != "" {
				name += "@" + string(b.Shop)
			}
			all = append(all, name+"="+b.Cause.String())
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	for i, e := range stores {
		sample.Within(t, patience, fmt.Sprintf("edge %d has %q; it has %q", i+1, want, bans(e)), func() bool { return bans(e) == want })
	}
}

// TestNoDialBeforeStart: a configuration is checked without the store.
func TestNoDialBeforeStart(t *testing.T) {
	for _, test := range []struct {
		name string
		opts tier.Options
	}{
		{"one server", tier.Options{}},
		{"a Cluster", tier.Options{Cluster: true}},
		{"Sentinel", tier.Options{Master: "edge"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			opts := test.opts
			opts.Addresses = []string{l.Addr().String()}
			store, err := NewRedis(RedisOptions{opts, 4 << 20})
			if err != nil {
				t.Fatal(err)
			}
			lim := &Limit{Interval: time.Minute, Burst: 5}
			for i := range 6 {
				if d := store.TakeExact(t.Context(), sample.Key("a visitor"), lim, time.Now()); d.Allowed() != (i < 5) {
					t.Errorf("take %d alone: %+v", i, d)
				}
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
			if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if c, err := l.Accept(); err == nil {
				t.Errorf("%s dialled before Start", c.RemoteAddr())
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
