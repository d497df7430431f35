package challenge

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// The siege: each of the attackers is below every limit of a client. Ten of them share a
// subnet.
const (
	attackers    = "127.7" // where they come from
	attackersN   = 25
	attackerRate = 15
)

func attackerAddr(n int) string {
	if n < 10 {
		return fmt.Sprintf("127.70.0.%d", n+1)
	}
	return fmt.Sprintf("127.71.%d.1", n)
}

// An army sends until it is stopped.
type army struct {
	sent     atomic.Int64
	mu       sync.Mutex
	statuses map[int]int // 0: no answer
	began    time.Time
	stop     func()
}

// besiege starts the attackers, each with the same sequence in every run.
func besiege(t testing.TB, e *edge.Edge, load func(*arsenal) shot) *army {
	t.Helper()
	a := &army{statuses: make(map[int]int), began: time.Now()}
	done := make(chan struct{})
	var all sync.WaitGroup
	for n := range attackersN {
		client, own := edge.From(attackerAddr(n)), openArsenal(t, 11, uint64(n))
		client.Timeout = 10 * time.Second
		all.Go(func() {
			defer client.CloseIdleConnections()
			tick := time.NewTicker(time.Second / attackerRate)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				s := load(own)
				all.Go(func() {
					a.sent.Add(1)
					status := 0
					if response, err := client.Do(s.request(t, e)); err == nil {
						_, _ = io.Copy(io.Discard, response.Body) // it only has to be read
						response.Body.Close()
						status = response.StatusCode
					}
					a.mu.Lock()
					a.statuses[status]++
					a.mu.Unlock()
				})
			}
		})
	}
	var once sync.Once
	a.stop = func() {
		once.Do(func() { close(done) })
		all.Wait()
	}
	t.Cleanup(a.stop)
	return a
}

// A siegeEdge is an edge with all stages as they ship, which counts in Redis.
func siegeEdge(t testing.TB, backend, site string) *edge.Edge {
	t.Helper()
	e := edge.Start(t, kit.Global("secret "+kit.Secret+"\nredis redis://"+need.Redis(t).Addr)+
		kit.Site(kit.AnyHost, site+"\nshop_backend "+backend+" {\n\theader_up X-Class {http.shield.class}\n}"))
	kit.Eventually(t, 10*time.Second, "the edge counts in Redis", func() bool { return kit.StatusOf(t, e).Store.Shared })
	return e
}

// underSiege has customers teach the edge in quiet times where pictures are, raises the
// level, and gives each customer a pass.
func underSiege(t testing.TB, e *edge.Edge, buyers int) (crowd []*buyer) {
	t.Helper()
	for _, file := range []string{"/static/shop.css", "/static/emblem.svg"} {
		kit.Get(t, edge.From("127.80.0.1"), e.URL+file)
	}
	kit.SetLevel(t, e, "loewen", shop.Siege)
	for n := range buyers {
		crowd = append(crowd, newBuyer(t, e, n, true))
	}
	return crowd
}

// budgets are what a subnet may get past the challenge without a pass, by class: at once,
// and per second. All else is nothing.
var budgets = map[string]ration{
	"callback":    {60, 2},
	"public":      {100, 10},
	"asset":       {200, 20},
	renderedAsset: {30 + 20, .5}, // and those that are asked for before the first answer
}

// within wants of each subnet no more than its budgets.
func (s *sieged) withinBudgets(t *testing.T, took time.Duration) {
	t.Helper()
	byClass, bySource := s.reached()
	for from, n := range bySource {
		may := budgets[from.class]
		if most := may.once + may.perSecond*took.Seconds(); float64(n) > math.Ceil(most) {
			t.Errorf("%d requests of %s.0/24 as %s reached the shop in %s, want at most %.0f", n, from.subnet, from.class, took, most)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		t.Logf("reached the shop as %s: %d", class, byClass[class])
	}
}

// slowest is what the slowest hundredth of the customers' requests may take where edge and shop
// have the machine to themselves, in the better of two rounds. Where the kernel lets them wait
// for others, it is as many times more.
const (
	slowest = 300 * time.Millisecond
	rounds  = 2
)

// TestOrdersGoThroughASiege: whatever attackers ask for that nobody has vouched for, all
// customers with a pass order meanwhile, and no subnet gets more than its budgets.
func TestOrdersGoThroughASiege(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	s := openSieged(t)
	e := siegeEdge(t, s.addr, "shield loewen")
	crowd := underSiege(t, e, 10*rounds+10)
	crowd[0] = newBuyer(t, e, len(crowd), false) // one earns its pass by work
	dull := besiege(t, e, dullest)
	time.Sleep(time.Second)
	usual := order(t, s, crowd[10*rounds:], 2, "dull").quantile(.99)
	dull.stop()
	before := queueOf(t, e.PID)
	flood := besiege(t, e, everything)
	time.Sleep(2 * time.Second)
	for round := range rounds {
		got := order(t, s, crowd[10*round:10*round+10], 4, fmt.Sprint("siege", round))
		t.Logf("round %d: %d of 40 orders; of %d requests half took %s, 99 %% at most %s (%s while attackers only ask for the front page), the slowest %s; %d payments notified again",
			round, got.placed, len(got.took), got.quantile(.5), got.quantile(.99), usual, got.quantile(1), got.renotified)
		if got.placed != 40 || got.doubled != 0 {
			t.Errorf("%d of 40 orders were placed, %d doubled: %v", got.placed, got.doubled, got.errs)
		}
		now := queueOf(t, e.PID)
		most := time.Duration(float64(slowest) * (1 + float64(now.waited-before.waited)/float64(now.ran-before.ran)))
		if got.quantile(.99) <= most {
			break
		}
		if round == rounds-1 {
			t.Errorf("99 %% of the requests took %s, want %s at most", got.quantile(.99), most)
		}
	}
	flood.stop()
	took := time.Since(flood.began)
	t.Logf("%d requests of the attackers in %s: %v", flood.sent.Load(), took, flood.statuses)
	if n := flood.sent.Load(); float64(n) < .7*attackersN*attackerRate*took.Seconds() {
		t.Errorf("the attackers sent %d requests in %s: the test is not what it claims to be", n, took)
	}
	s.withinBudgets(t, took)
}

// TestEachWeaponAlone is the same for each kind of attack.
func TestEachWeaponAlone(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	for _, w := range weapons {
		t.Run(w.name, func(t *testing.T) {
			s := openSieged(t)
			e := siegeEdge(t, s.addr, "shield loewen")
			crowd := underSiege(t, e, 4)
			flood := besiege(t, e, w.load)
			time.Sleep(1500 * time.Millisecond)
			got := order(t, s, crowd, 3, "siege")
			flood.stop()
			took := time.Since(flood.began)
			t.Logf("%d of 12 orders; 99 %% of %d requests took at most %s; %d requests of the attackers in %s: %v",
				got.placed, len(got.took), got.quantile(.99), flood.sent.Load(), took, flood.statuses)
			if got.placed != 12 || got.doubled != 0 {
				t.Errorf("%d of 12 orders were placed, %d doubled: %v", got.placed, got.doubled, got.errs)
			}
			s.withinBudgets(t, took)
		})
	}
}

// oldRule is what a path was good for before: words and endings led around the challenge,
// and what has them counted in the zone of orders.
const oldRule = `@challenged not path_regexp (?i)([/;.](callbacks?|ipn|webhooks?|notify|notification)([/;.]|$)|\.(css|js|map|png|jpg|ico|svg)$)
route {
	shop_visit loewen {
		class callback path_regexp (?i)[/;.](callbacks?|ipn|webhooks?|notify|notification)([/;.]|$)
	}
	shop_limit loewen {
		limit client {
			rate 20/s
			burst 60
		}
		limit orders {
			key shop
			rate 100/s
			burst 200
			class cart checkout callback socket page search account api public
		}
	}
	shop_challenge @challenged loewen
	shop_waf loewen
}
handle_errors {
	shop_refusal
}`

// TestOldRuleLosesOrders is the control: the same attackers, the same customers.
func TestOldRuleLosesOrders(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	s := openSieged(t)
	e := siegeEdge(t, s.addr, oldRule)
	crowd := underSiege(t, e, 15)
	if before := order(t, s, crowd[10:], 1, "before"); before.placed != 5 {
		t.Fatalf("%d of 5 orders without attackers: %v", before.placed, before.errs)
	}
	flood := besiege(t, e, everything)
	time.Sleep(2 * time.Second)
	got := order(t, s, crowd[:10], 4, "old")
	flood.stop()
	t.Logf("%d of 40 orders; %d requests of the attackers: %v; %v", got.placed, flood.sent.Load(), flood.statuses, got.errs)
	if got.placed == 40 {
		t.Error("the control: with the old rule the attackers cost no order")
	}
}
