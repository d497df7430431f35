package customer

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/orders"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// A fakeShop loses and doubles orders, fails and refuses, as its rule says, and counts
// what it did.
type fakeShop struct {
	delay   time.Duration
	fail    func(n int, r *http.Request) int // the n-th page: a status, or 0
	ordered func(n int) (has int)            // how often the shop has the n-th order

	mu       sync.Mutex
	pages    int
	failed   map[int]int // by status
	pictures int
	orders   []demoshop.Order
	posted   int
	sources  map[string]bool
}

func (f *fakeShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.URL.Path == "/_truth":
		_ = json.NewEncoder(w).Encode(f.orders)
		return
	case strings.HasPrefix(r.URL.Path, "/static/"):
		f.pictures++
		return
	}
	f.sources[netip.MustParseAddrPort(r.RemoteAddr).Addr().String()] = true
	f.pages++
	n := f.pages
	f.mu.Unlock()
	time.Sleep(f.delay) // outside of the lock: customers do not wait for each other
	f.mu.Lock()
	if status := f.fail(n, r); status != 0 {
		f.failed[status]++
		w.WriteHeader(status)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /cart":
		fmt.Fprint(w, `<input name="product" value="1">`)
	case "POST /checkout":
		f.posted++
		no := strconv.Itoa(f.posted)
		for i := range f.ordered(f.posted) {
			f.orders = append(f.orders, demoshop.Order{No: no + strings.Repeat("b", i), Buyer: demoshop.Buyer{Reference: r.FormValue("reference")}})
		}
		http.Redirect(w, r, "/checkout/done?order="+no, http.StatusSeeOther)
	default:
		fmt.Fprint(w, `<a href="/product/1"><img src="/static/1.svg"><input name="product" value="1"><input name="draft" value="d">`)
	}
}

// drill has so many customers come within a moment, all of them buying.
func drill(t *testing.T, handler http.Handler, visits []scenario.Visit) *record.Shop {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	target := netip.MustParseAddrPort(server.Listener.Addr().String())
	c := &Customers{
		Settings: scenario.Customers{Think: scenario.Span(time.Millisecond), Addresses: 1000}, Visits: visits,
		Host: func(shop string) string { return shop + ".localhost" },
		Dial: func(string) load.Dial {
			return func(ctx context.Context, from netip.Addr) (net.Conn, error) { return load.DialFrom(ctx, from, target) }
		},
		Name: "drill-test", StampName: "seen",
	}
	c.Record = record.New(time.Now(), time.Minute, []string{"loewen"})
	c.Stamp = func(_ string, from netip.Addr, _ string) (*http.Cookie, error) {
		return &http.Cookie{Name: "stamp", Value: from.String(), Path: "/"}, nil
	}
	c.Begin = time.Now()
	if away := c.Run(t.Context()); away > 0 {
		t.Errorf("%d customers were turned away", away)
	}
	truth, err := orders.Open(server.URL + "/_truth")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Orders(t.Context(), "loewen", truth); err != nil {
		t.Fatal(err)
	}
	return c.Record.Finish(time.Minute).Shops[0]
}

func visits(n int, change func(i int, v *scenario.Visit)) []scenario.Visit {
	all := make([]scenario.Visit, n)
	for i := range all {
		all[i] = scenario.Visit{At: time.Duration(i) * time.Millisecond, Shop: "loewen", Address: i, Script: true, Buys: true, Pictures: true, Stamps: true, Seed: uint64(i)}
		if change != nil {
			change(i, &all[i])
		}
	}
	return all
}

// What a shop with known delays, failures, losses and doubles does is reported exactly.
func TestAFakeShopIsReportedExactly(t *testing.T) {
	const customers = 30
	unlucky := map[string]bool{} // each customer at most once, so that all come to an end
	f := &fakeShop{
		delay: 20 * time.Millisecond, failed: map[int]int{}, sources: map[string]bool{},
		fail: func(n int, r *http.Request) int {
			from := netip.MustParseAddrPort(r.RemoteAddr).Addr().String()
			if unlucky[from] || n%17 != 0 && n%23 != 0 {
				return 0
			}
			unlucky[from] = true
			switch {
			case n%17 == 0:
				return http.StatusServiceUnavailable
			case n%23 == 0:
				return http.StatusTooManyRequests
			}
			return 0
		},
		ordered: func(n int) int {
			switch n % 10 {
			case 3:
				return 0 // confirmed, and lost
			case 6:
				return 2
			}
			return 1
		},
	}
	got := drill(t, f, visits(customers, nil))
	pages, good, refused, pictures, broken := 0, 0, 0, 0, 0
	for _, s := range got.Seconds {
		pages, good, refused = pages+s.Pages, good+s.Good, refused+s.Refused
		pictures, broken = pictures+s.Pictures, broken+s.Broken
	}
	if diff := cmp.Diff([]int{f.pages, f.pages - f.failed[503] - f.failed[429], f.failed[429], f.pictures, 0}, []int{pages, good, refused, pictures, broken}); diff != "" {
		t.Errorf("pages, good, refused, pictures, broken (-the shop +the report): %s", diff)
	}
	lost, doubled := f.posted/10, f.posted/10 // of 30 orders the 3rd, 13th, 23rd and the 6th, 16th, 26th
	if diff := cmp.Diff(record.Orders{Wanted: customers, Submitted: customers, Placed: customers - lost - doubled, Lost: lost, Doubled: doubled}, got.Orders); diff != "" || lost != 3 {
		t.Errorf("orders (-want +got): %s", diff)
	}
	if got.Latency.N != f.pages || got.Latency.P50 < 20 || got.Visits.Ended != customers {
		t.Errorf("latency %+v, visits %+v; the shop had %d pages of 20 ms", got.Latency, got.Visits, f.pages)
	}
	if len(f.sources) != customers {
		t.Errorf("%d addresses of %d customers", len(f.sources), customers)
	}
}

// A customer tries a page three times and leaves; what failed counts each time, and an
// order that was never accepted is lost.
func TestCustomersThatGiveUp(t *testing.T) {
	f := &fakeShop{
		failed: map[int]int{}, sources: map[string]bool{}, ordered: func(int) int { return 1 },
		fail: func(_ int, r *http.Request) int {
			if r.Method == http.MethodPost && r.URL.Path == "/checkout" {
				return http.StatusBadGateway
			}
			return 0
		},
	}
	got := drill(t, f, visits(4, nil))
	if f.failed[502] != 12 || got.Success() >= 1 {
		t.Errorf("%d tries of four customers, success %g", f.failed[502], got.Success())
	}
	if diff := cmp.Diff(record.Orders{Wanted: 4, Submitted: 4, Lost: 4}, got.Orders); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(record.Visits{Begun: 4, BrokenOff: map[string]int{"order: status 502": 4}}, got.Visits); diff != "" {
		t.Error(diff)
	}
}

// The time of a page counts from when it was due: a shop that stops for a second makes
// everybody slow that came meanwhile, not only the one that it was serving.
func TestWaitingIsNotOmitted(t *testing.T) {
	begun := time.Now()
	var stopped sync.Once
	gate := make(chan struct{})
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_truth" {
			fmt.Fprint(w, "[]")
			return
		}
		stopped.Do(func() { time.AfterFunc(time.Second, func() { close(gate) }) })
		<-gate
		w.WriteHeader(http.StatusNotFound)
	})
	const customers = 40
	got := drill(t, shop, visits(customers, func(i int, v *scenario.Visit) { v.At = time.Duration(i) * 20 * time.Millisecond }))
	slow := 0
	for _, s := range got.Seconds[:1] {
		slow += s.Pages
	}
	// All forty were due in the first second, though the answers came in the second one.
	if slow < customers || got.Seconds[0].Worst < 900 || got.Latency.N != 3*customers {
		t.Errorf("after %s: %d pages in the first second, at worst %d ms; %+v", time.Since(begun), slow, got.Seconds[0].Worst, got.Latency)
	}
}

// A phone changes its address, and goes on with its cookies; known customers come with
// theirs.
func TestPhonesAndKnownCustomers(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]map[string]bool{} // cookie: addresses
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_truth" {
			fmt.Fprint(w, "[]")
			return
		}
		mu.Lock()
		defer mu.Unlock()
		from := netip.MustParseAddrPort(r.RemoteAddr).Addr().String()
		if c, err := r.Cookie("stamp"); err == nil {
			if seen[c.Value] == nil {
				seen[c.Value] = map[string]bool{}
			}
			seen[c.Value][from] = true
		} else if r.URL.Path == "/" {
			http.SetCookie(w, &http.Cookie{Name: "stamp", Value: from, Path: "/"})
		}
		fmt.Fprint(w, `<a href="/product/1"><input name="product" value="1">`)
	})
	got := drill(t, shop, visits(2, func(i int, v *scenario.Visit) { v.Known, v.Phone, v.Buys = i == 0, i == 1, false }))
	if got.Visits.Ended != 2 {
		t.Fatalf("%+v", got.Visits)
	}
	// The known one has its stamp from the first page on; the phone's third page comes
	// from elsewhere.
	phone := load.CustomerAddr(1).String()
	want := map[string]map[string]bool{
		load.CustomerAddr(0).String(): {load.CustomerAddr(0).String(): true},
		phone:                         {phone: true, load.CustomerAddr(501).String(): true},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// Without scripts a customer waits as the page says, and comes back with what it got.
func TestWaitingWithoutScripts(t *testing.T) {
	var waited, tooEarly int
	begun := time.Now()
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := r.Cookie("pass")
		switch {
		case r.URL.Path == "/_truth":
			fmt.Fprint(w, "[]")
		case r.URL.Path == "/wait" && r.URL.RawQuery == "t=1&to=/":
			if waited++; time.Since(begun) < time.Second {
				tooEarly++
			}
			http.SetCookie(w, &http.Cookie{Name: "pass", Value: "x", Path: "/"})
		case err != nil:
			w.Header().Set(browser.ChallengeHeader, "/")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `<meta http-equiv="refresh" content="1;url=/wait?t=1&amp;to=/">`)
		default:
			fmt.Fprint(w, `<a href="/product/1"><input name="product" value="1">`)
		}
	})
	got := drill(t, shop, visits(1, func(_ int, v *scenario.Visit) { v.Script, v.Buys = false, false }))
	if waited != 1 || tooEarly > 0 || got.Waited != 1 || got.Success() != 1 || got.Visits.Challenged != 1 || got.Visits.Ended != 1 {
		t.Errorf("waited %d times (%d too early), the report says %d; success %g, visits %+v", waited, tooEarly, got.Waited, got.Success(), got.Visits)
	}
}
