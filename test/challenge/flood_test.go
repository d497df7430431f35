package challenge

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// The flood: as many addresses, each in a network of its own, as a botnet has
// at one shop, and far below what an edge refuses of one client.
const (
	floodFrom = 5000
	floodRate = 3000
	floodTime = 4 * time.Second
)

// What the preset lets through to the pages of one shop.
const (
	shopRate  = 200
	shopBurst = 400
)

// drill runs cmd/drill. It exits with 1 if customers noticed something, which is
// for the caller to read in what it said.
func drill(t testing.TB, args ...string) (said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, need.Command(t, "drill"), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if len(out) == 0 {
		t.Fatalf("drill %s: %v: %s", args[0], err, errs.String())
	}
	return string(out) + errs.String()
}

// A besieged shop counts the requests that reach it: the flood, by its addresses, and
// everybody else.
type besieged struct {
	*demoshop.Shop
	addr                 string
	pages, assets, guest atomic.Int64
}

// floodNet is where cmd/drill has its floods come from.
var floodNet = netip.MustParsePrefix("127.64.0.0/10")

func openBesieged(t testing.TB) *besieged {
	t.Helper()
	inner, err := demoshop.New(demoshop.Loewen())
	if err != nil {
		t.Fatal(err)
	}
	b := &besieged{Shop: inner}
	server := httptest.NewServer(b)
	t.Cleanup(func() {
		inner.Close()
		server.CloseClientConnections()
		server.Close()
	})
	b.addr = server.Listener.Addr().String()
	return b
}

func (b *besieged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch from, err := netip.ParseAddr(r.Header.Get("X-Forwarded-For")); {
	case err != nil: // it did not come through the edge
	case !floodNet.Contains(from):
		b.guest.Add(1)
	case strings.HasPrefix(r.URL.Path, "/static/"):
		b.assets.Add(1)
	default:
		b.pages.Add(1)
	}
	b.Shop.ServeHTTP(w, r)
}

// loot is what the flood carries: cookies that it got at the edge.
type loot func(t testing.TB, e *edge.Edge) (cookies []string)

func nothing(testing.TB, *edge.Edge) []string { return nil }

// stolenPasses are earned by a computer of the attacker's, the first by one that
// then takes part in the flood.
func stolenPasses(n int) loot {
	return func(t testing.TB, e *edge.Edge) (passes []string) {
		for i := range n {
			from := fmt.Sprintf("127.%d.0.1", 64+64*min(i, 1))
			pass, _, _ := strings.Cut(drill(t, "pass", "--target", e.URL, "--host", "loewen.localhost", "--source", from), "\n")
			passes = append(passes, pass)
		}
		return passes
	}
}

// stolenStamp was got by looking at the shop long before the attack.
func stolenStamp(t testing.TB, _ *edge.Edge) []string {
	return []string{"theriac-seen=" + kit.Stamp(t, "loewen", "127.200.0.1", load.Chrome, time.Hour)}
}

// A ration is what a flood may get: so much at once, and so much more in
// each second.
type ration struct{ once, perSecond float64 }

// inTenMinutes is the ration of budgets.
func inTenMinutes(n float64) ration { return ration{n, n / 600} }

var (
	readPages  = []string{"/", "/product/ibuprofen-400", "/search?q=tee"}
	orderPages = []string{"/cart", "/checkout", "/account/login"}
	pictures   = []string{"/static/shop.css"}
)

// TestFloodAtLevelTwo: whatever a flood carries, the shop sees no more of it
// than the sum of the budgets of that, and meanwhile its customers order.
func TestFloodAtLevelTwo(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	for _, c := range []struct {
		what  string
		words string // of the shop's shield
		loot  loot
		paths [][]string
		most  ration
		least int64 // gets through, or the flood is none
	}{
		{"with nothing", "", nothing, [][]string{readPages, orderPages, pictures}, ration{}, 0},
		{"with a stolen pass", "", stolenPasses(1), [][]string{readPages, orderPages}, inTenMinutes(2 * (homeBudget + awayBudget)), 2},
		{"with 20 stolen passes", "", stolenPasses(20), [][]string{readPages}, inTenMinutes(20 * (homeBudget + awayBudget)), 2},
		{"with a stolen time stamp", "", stolenStamp, [][]string{readPages, orderPages}, inTenMinutes(rememberBudget / 3), rememberBudget / 3},
		// The control: without a challenge there are the limits of the shop.
		{"where nobody is challenged", "challenge off", nothing, [][]string{readPages}, ration{shopBurst, shopRate}, shopBurst + 2*shopRate},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := openBesieged(t)
			e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, "shield loewen {\n"+kit.Indent(c.words, 1)+"}\nshop_backend "+b.addr))
			kit.SetLevel(t, e, "loewen", shop.Attack)
			args := []string{
				"flood", "--target", e.URL, "--host", "loewen.localhost",
				"--rate", fmt.Sprint(floodRate), "--from", fmt.Sprint(floodFrom), "--for", floodTime.String(),
				"--customers", e.URL, "--customers-host", "loewen.localhost", "--shoppers", "6", "--pause", "100ms",
				"--truth", "http://" + b.addr + "/_truth",
			}
			for _, cookie := range c.loot(t, e) {
				args = append(args, "--cookie", cookie)
			}
			for _, paths := range c.paths {
				for _, path := range paths {
					args = append(args, "--path", path)
				}
			}
			begin := time.Now()
			said := drill(t, args...)
			took := time.Since(begin)
			t.Log(said)
			b.holds(t, c.most, c.least, took)
			if c.words == "" {
				customersOrdered(t, said)
			}
		})
	}
}

// holds compares what reached the shop with what the flood may get.
func (b *besieged) holds(t *testing.T, may ration, least int64, took time.Duration) {
	t.Helper()
	pages, assets, guest, truth := b.pages.Load(), b.assets.Load(), b.guest.Load(), b.Truth()
	most := int64(may.once + may.perSecond*took.Seconds())
	t.Logf("the shop saw %d requests of the flood for pages and %d for pictures, %d of its customers; at most %d pages are paid for",
		pages, assets, guest, most)
	if pages > most || pages < least {
		t.Errorf("%d requests of the flood reached the shop, want %d to %d", pages, least, most)
	}
	if truth.Requests != pages+assets+guest {
		t.Errorf("/_truth counts %d requests, and %d came through the edge", truth.Requests, pages+assets+guest)
	}
}

var ordered = regexp.MustCompile(`(?m)^  orders   (\d+) submitted, (\d+) confirmed; the shop has (\d+) once, 0 doubled, 0 lost; it counts 0 lost orders of all customers$`)

// customersOrdered wants each order of the drill's customers at the shop, once.
func customersOrdered(t *testing.T, said string) {
	t.Helper()
	found := ordered.FindStringSubmatch(said)
	if found == nil || found[1] == "0" || found[1] != found[2] || found[1] != found[3] {
		t.Errorf("not every order of the customers came through once:\n%s", said)
	}
	if !strings.Contains(said, "  solved   ") {
		t.Errorf("no customer was challenged:\n%s", said)
	}
}
