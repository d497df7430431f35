package incidents

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/sample"
	"github.com/theriac-edge/theriac/watch"
)

func TestMain(m *testing.M) { sample.Main(m) }

// noon is when stories begin.
var noon = time.Date(2026, time.November, 29, 10, 40, 0, 0, time.UTC)

func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

// attack is one of a story, in seconds since its begin: detected a second after its onset, it
// hurts from then until heals.
type attack struct {
	shop     shop.ID
	from, to int // both included
	heals    int
	rate     int
	level    shop.Level
	campaign string
}

var flood = attack{shop: "loewen", from: 27, to: 120, heals: 33, rate: 2000, level: shop.Attack}

// moments are what the watch would tell of a second.
func moments(second int, attacks ...attack) (all []incident.Moment) {
	for _, a := range attacks {
		m := incident.Moment{Shop: a.shop, Wait: 80 * time.Millisecond, Expected: incident.Expected{Known: true, Customers: 4, Orders: 0.01}}
		m.Second.Customers, m.Second.Served, m.Second.Answered = 4, 4, 4
		if second > a.from && second < a.heals {
			m.Second.Served, m.Second.Bad, m.Sick = 0, 4, true
		}
		if second > a.from && second <= a.to+60 {
			m.Level = a.level
		}
		if second >= a.from && second <= a.to {
			m.Hot = true
			m.Second.Strangers[watch.Page] = a.rate
			if second > a.from {
				m.Need, m.Campaign = a.level, a.campaign
				m.Second.Stopped[watch.ByChallenge] = a.rate
				m.Sights = []incident.Sight{{Vector: watch.SearchFlood, Onset: at(a.from)}}
			}
		}
		all = append(all, m)
	}
	return all
}

// edge is a Keeper and what became of what it did.
type edge struct {
	*Keeper
	t     testing.TB
	store counters.Store
	logs  *observer.ObservedLogs

	mu     sync.Mutex
	alerts []alert.Event
	dir    string
}

// start starts an edge on a store; with Redis it is one of several.
func start(t testing.TB, name string, store counters.Store) *edge {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	e := &edge{t: t, store: store, logs: logs, dir: t.TempDir()}
	e.Keeper = New(Options{
		Store: store, Node: name, Log: func() *zap.Logger { return zap.New(core) },
		Settings: func() Settings { return Settings{Journal: e.journalDir(), Targets: incident.DefaultTargets()} },
		Alert: func(a alert.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.alerts = append(e.alerts, a)
		},
		ShopName: func(id shop.ID) string { return map[shop.ID]string{"loewen": "Löwen Apotheke"}[id] },
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		e.Close(ctx)
	})
	return e
}

func (e *edge) journalDir() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dir
}

func (e *edge) setJournal(dir string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dir = dir
}

// memory is a store of one process.
func memory(t testing.TB) counters.Store {
	store := counters.NewMemory(1 << 20)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// shared is a store of an edge that shares it.
func shared(t testing.TB, name, addr string) *counters.Redis {
	t.Helper()
	store, err := counters.NewRedis(counters.RedisOptions{
		Options: tier.Options{Addresses: []string{addr}, Node: name, Deadline: time.Second}, Memory: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	store.Start()
	sample.Within(t, 10*time.Second, "the store is shared", func() bool { return store.Status().Shared })
	return store
}

// What an edge is in a second.
var (
	aloneNow = counters.Leadership{Role: counters.Alone}
	nobody   = counters.Leadership{Role: counters.Following}
)

func leads(token int64) counters.Leadership {
	return counters.Leadership{Role: counters.Leading, Leader: "self", Token: token}
}

func follows(token int64) counters.Leadership {
	return counters.Leadership{Role: counters.Following, Leader: "other", Token: token}
}

// run tells an edge the seconds, both included, and waits after each until it has done what is to
// be done.
func (e *edge) run(lead counters.Leadership, from, to int, attacks ...attack) {
	e.t.Helper()
	for second := from; second <= to; second++ {
		e.step(lead, second, attacks...)
		e.settle()
	}
}

func (e *edge) step(lead counters.Leadership, second int, attacks ...attack) {
	s := &Second{At: at(second), Lead: lead, Moments: moments(second, attacks...), Edges: []string{e.opts.Node}}
	for _, a := range attacks {
		if second == a.from+1 {
			s.Levels = append(s.Levels, incident.LevelChange{At: at(second), Shop: a.shop, To: int(a.level), By: "watch", Why: "many strangers that behave unlike browsers"})
		}
	}
	e.Step(s)
	clear(s.Moments) // they are valid until Step returns
}

// settle waits until nothing is under way, or does not work.
func (e *edge) settle() {
	e.t.Helper()
	sample.Within(e.t, 20*time.Second, "everything is done", func() bool {
		e.Keeper.mu.Lock()
		loading := e.loading != 0
		e.Keeper.mu.Unlock()
		if loading {
			return false
		}
		for _, waits := range []func() (int, bool, int){e.Keeper.store.waiting, e.journal.waiting, e.Keeper.alerts.waiting} {
			if items, fails, _ := waits(); items > 0 && !fails {
				return false
			}
		}
		return true
	})
}

// told are the IDs of the alerts, in their order.
func (e *edge) told() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, a := range e.alerts {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

// list returns the incidents, the first first.
func (e *edge) list() []Summary {
	e.t.Helper()
	list, _ := e.List(e.t.Context(), time.Time{}, "")
	slices.Reverse(list)
	return list
}

// get returns a record.
func (e *edge) get(id string) *incident.Record {
	e.t.Helper()
	rec, _, err := e.Get(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	return rec
}

// ledger returns the lines of the month.
func (e *edge) ledger() []incident.Line {
	e.t.Helper()
	lines, _, err := e.Ledger(e.t.Context(), "2026-11")
	if err != nil {
		e.t.Fatal(err)
	}
	return lines
}

func shopOf(i int) shop.ID { return shop.ID(fmt.Sprintf("shop-%d", i)) }
