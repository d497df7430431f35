package challenge

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// A sieged shop is the demo shop as Apache would serve it: with a front controller, which
// renders a page whatever is asked for, for a picture that does not exist as well. It counts
// what reaches it of the attackers, by subnet and class. The shop itself refuses
// no request: a busy machine only makes it slower, and each refusal is the edge's.
type sieged struct {
	*demoshop.Shop
	addr string
	mu   sync.Mutex
	got  map[source24]int
}

// source24 is a subnet of attackers and what the edge took their request for. A rendered
// asset is one that is none.
type source24 struct{ subnet, class string }

const renderedAsset = "rendered asset"

func openSieged(t testing.TB) *sieged {
	t.Helper()
	config := demoshop.Loewen()
	config.PageCost, config.Concurrency, config.Queue, config.Patience = 3*time.Millisecond, 4, 5000, 30*time.Second
	inner, err := demoshop.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &sieged{Shop: inner, got: make(map[source24]int)}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		inner.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.addr = server.Listener.Addr().String()
	return s
}

func (s *sieged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	folder, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	file = strings.TrimPrefix(file, "img/")
	soft := folder == "static" && strings.HasPrefix(file, "soft")
	if subnet, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), "."); subnet == "127" {
		from := r.Header.Get("X-Forwarded-For")
		from = from[:strings.LastIndexByte(from, '.')]
		if strings.HasPrefix(from, attackers) {
			s.mu.Lock()
			s.got[source24{from, r.Header.Get("X-Class")}]++
			if soft {
				s.got[source24{from, renderedAsset}]++
			}
			s.mu.Unlock()
		}
	}
	if soft || !slices.Contains([]string{"", "product", "search", "cart", "account", "checkout", "payment", "api", "static", "favicon.ico"}, folder) {
		r = r.Clone(r.Context())
		r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/search", "q=tee"
	}
	s.Shop.ServeHTTP(w, r)
}

// reached returns how many requests of the attackers the shop got, by class.
func (s *sieged) reached() (byClass map[string]int, bySource map[source24]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byClass, bySource = make(map[string]int), make(map[source24]int)
	for from, n := range s.got {
		byClass[from.class] += n
		bySource[from] = n
	}
	return byClass, bySource
}

// A buyer is a customer with a browser and a pass.
type buyer struct {
	demoshop.Customer
	provider *http.Client // without cookies
}

// newBuyer comes from a subnet of its own and earns a pass: by work, or if it is cheap by
// what an edge with our secret issues to a test.
func newBuyer(t testing.TB, e *edge.Edge, n int, cheap bool) *buyer {
	t.Helper()
	v := kit.NewVisitor(t, e, fmt.Sprintf("127.81.%d.1", n))
	if cheap {
		k := kit.Keys(t)
		c := &pow.Challenge{
			Algorithm: pow.SHA256, K: pow.Subpuzzles, Level: uint8(shop.Siege), Threshold: pow.Threshold(1 << 10),
			Expires: time.Now().Add(time.Minute), Binding: k.Binding("loewen", kit.UserAgent),
		}
		status, word, pass := v.Submit(kit.Solution(t, string(k.AppendChallenge(nil, c, time.Now()))))
		if status != http.StatusNoContent {
			t.Fatalf("solving: status %d %s", status, word)
		}
		v.Pass = pass
	} else {
		v.Earn("/")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(&url.URL{Scheme: "http", Host: e.Addr, Path: "/"}, []*http.Cookie{{Name: "theriac", Value: v.Pass}})
	v.Client.Jar = jar
	return &buyer{provider: edge.From(fmt.Sprintf("127.81.%d.2", n)), Customer: demoshop.Customer{
		Base: e.URL, Client: v.Client,
		Header: http.Header{
			"User-Agent": {kit.UserAgent}, "Accept-Language": {"de"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"},
		},
	}}
}

// sales is how the orders of a crowd went.
type sales struct {
	placed, doubled int
	renotified      int // payments that the shop heard of at the second time, or later
	errs            []error
	took            []time.Duration // of each request of a customer, sorted
}

// quantile is how long all but that share of the requests took at the most.
func (s *sales) quantile(q float64) time.Duration {
	if len(s.took) == 0 {
		return time.Hour
	}
	return s.took[min(int(q*float64(len(s.took))), len(s.took)-1)]
}

// stopwatch is a transport that notes how long each answer took.
type stopwatch struct {
	http.RoundTripper
	mu   sync.Mutex
	took []time.Duration
}

func (s *stopwatch) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	response, err := s.RoundTripper.RoundTrip(r)
	if r.URL.Path == paymentPath {
		return response, err // not the customer's request
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, time.Since(began))
	return response, err
}

// paymentPath is where the provider tells the shop of a payment, from the customer's subnet
// here.
const paymentPath = "/payment/callback"

// renotify tells the shop of a payment as providers do, until it has heard of it.
func (b *buyer) renotify(t testing.TB, no string) (ok bool) {
	for range 8 {
		time.Sleep(time.Second)
		form := url.Values{"order": {no}, "status": {"paid"}}.Encode()
		if kit.Send(t, b.provider, http.MethodPost, b.Base+paymentPath+"?order="+no, form, "Content-Type: application/x-www-form-urlencoded", "User-Agent: ").Status == http.StatusOK {
			return true
		}
	}
	return false
}

// order has each customer place so many orders, from the front page to the payment. Browsers
// fetch pictures once.
func order(t testing.TB, s *sieged, crowd []*buyer, each int, round string) *sales {
	t.Helper()
	all := new(sales)
	var mu sync.Mutex
	var shopping sync.WaitGroup
	for n, c := range crowd {
		shopping.Go(func() {
			watch := &stopwatch{RoundTripper: c.Client.Transport}
			for i := range each {
				mine, client := c.Customer, *c.Client
				client.Transport = watch
				mine.Client, mine.Assets, mine.Reference = &client, i == 0, fmt.Sprintf("%s-%d-%d", round, n, i)
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 60*time.Second)
				trip, err := mine.Buy(ctx)
				cancel()
				placed := s.OrdersFor(mine.Reference)
				again := err != nil && trip.Order != "" && trip.Steps[len(trip.Steps)-1].Name == "payment"
				if again && c.renotify(t, trip.Order) {
					err = nil
				}
				mu.Lock()
				if again {
					all.renotified++
				}
				all.doubled += max(0, len(placed)-1)
				if err == nil && len(placed) == 1 && trip.Order == placed[0].No {
					all.placed++
				} else {
					all.errs = append(all.errs, cmp.Or(err, fmt.Errorf("order %q is %d times at the shop", trip.Order, len(placed))))
				}
				mu.Unlock()
				if err != nil {
					break // such a customer leaves
				}
			}
			mu.Lock()
			all.took = append(all.took, watch.took...)
			mu.Unlock()
		})
	}
	shopping.Wait()
	slices.Sort(all.took)
	return all
}

// queue is how long the threads of a process have run, and have waited for a processor that
// others used.
type queue struct{ ran, waited time.Duration }

func queueOf(t testing.TB, pid int) (q queue) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, thread := range threads {
		var ran, waited int64
		if line, err := os.ReadFile(thread); err == nil { // or it has just ended
			if _, err := fmt.Sscan(string(line), &ran, &waited); err != nil {
				t.Fatal(err)
			}
		}
		q.ran, q.waited = q.ran+time.Duration(ran), q.waited+time.Duration(waited)
	}
	return q
}
