// Package incidents has an edge record attacks: of the edges of a tier the one that leads feeds
// an incident.Recorder, keeps what it records in the store and in a journal on its disk, has
// people alerted, and answers operators.
//
// It stands between the watch, which tells it each second what it saw, and incident, which is
// arithmetic. Edges that follow remember the last seconds, so whoever leads next goes on with the
// incidents that are open. Step never waits for the store, the disk or a receiver. While the store
// is lost each edge records for itself; what ends meanwhile is in its journal at once, and in the
// store as soon as that is back.
package incidents

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// MaxKeep is how long the store keeps incidents unless it is told otherwise, and at most.
const MaxKeep = 90 * 24 * time.Hour

// Settings may change with the configuration.
type Settings struct {
	Journal string           // an existing directory; empty: nothing is written to the disk
	Keep    time.Duration    // how long the store keeps what is over. Default, and at most: MaxKeep
	Targets incident.Targets // what was promised
}

// Options are what a Keeper works with.
type Options struct {
	Store    counters.Store
	Node     string // the name of this edge
	Log      func() *zap.Logger
	Settings func() Settings

	// Tells receivers. It must not wait. Default: nobody is told.
	Alert func(alert.Event)

	// Returns the shop's name as its customers know it; empty: it has none. Default: no shop has one.
	ShopName func(shop.ID) string
}

// Second is what the watch knows of one second.
type Second struct {
	At      time.Time              // the time that all edges agree on
	Lead    counters.Leadership    // whether this edge leads
	Moments []incident.Moment      // of the shops in trouble; not kept beyond Step
	Levels  []incident.LevelChange // since the last second, whoever made them
	Edges   []string               // the names of the edges that report
}

// Keeper records attacks. Its methods are safe for concurrent use.
type Keeper struct {
	opts    Options
	self    string // tells this process from all others
	store   *outbox[kept]
	journal *outbox[entry]
	alerts  *outbox[told]

	last    atomic.Pointer[Settings] // of the last second
	ctx     context.Context          // ends with Close
	end     context.CancelFunc
	loads   sync.WaitGroup
	unheard func()

	mu      sync.Mutex
	closed  bool
	recent  recent
	exact   time.Time          // of the last second
	rec     *incident.Recorder // nil: another edge records
	stepped time.Time          // the last second that rec knows
	token   int64              // by which rec is kept; 0: this edge has never led
	fenced  int64              // another edge leads since the leadership with this token
	loading int64              // the leadership for which open incidents are being loaded; 0: none
	loaded  bool               // once in this process
	alone   int                // seconds, without a break, in which the store was lost
	paused  bool               // nobody leads; perhaps this edge goes on in a moment
	saved   map[string]time.Time
	tellers map[string]*teller
	acts    []message            // the last ones that were heard
	known   []string             // incidents of which receivers have been told, the last ones
	ended   map[string]time.Time // incidents that ended while the store was lost, and when
	muted   bool                 // this edge has begun to record without the store: receivers may know of it
}

// New makes a Keeper, and starts the goroutines that store, write and tell.
func New(o Options) *Keeper {
	if o.Alert == nil {
		o.Alert = func(alert.Event) {}
	}
	if o.ShopName == nil {
		o.ShopName = func(shop.ID) string { return "" }
	}
	k := &Keeper{opts: o, self: o.Node + "/" + rand.Text(), saved: map[string]time.Time{}, tellers: map[string]*teller{}, ended: map[string]time.Time{}}
	k.ctx, k.end = context.WithCancel(context.Background())
	k.store = newOutbox(maxKept, k.keep, k.reporter("the shared store takes incidents again",
		"incidents cannot be kept in the shared store, and are kept as soon as that is possible"))
	k.journal = newOutbox(maxEntries, k.write, k.reporter("the journal of incidents is written again",
		"an incident cannot be written to the journal, and is as soon as that is possible: is the directory there, may the edge write in it, and is there room?"))
	k.alerts = newOutbox(maxTold, k.tell, func(error) {})
	k.unheard = o.Store.Hear(channel, k.hear)
	return k
}

// reporter returns what logs that something does not work, once, and that it works again.
func (k *Keeper) reporter(again, fails string) func(error) {
	failing := false
	return func(err error) {
		switch {
		case err != nil && !failing:
			k.opts.Log().Error(fails, zap.Error(err))
		case err == nil && failing:
			k.opts.Log().Info(again)
		}
		failing = err != nil
	}
}

// settings are those in force. An edge that ends has none any more: the last ones hold.
func (k *Keeper) settings() Settings {
	last := k.last.Load()
	if last == nil {
		last = new(k.opts.Settings())
	}
	s := *last
	s.Keep = min(cmp.Or(s.Keep, MaxKeep), MaxKeep)
	return s
}

// Sources tells how many clients a vector has had so far, and which subnets sent most.
func (k *Keeper) Sources(id shop.ID, v watch.Vector, s *incident.Sources) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec != nil {
		k.rec.Sources(id, v, s)
	}
}

// Close keeps what is open, so that another edge or the next process goes on with it, and ends
// the goroutines. What is not kept when ctx ends is lost to the store, not to the journal.
func (k *Keeper) Close(ctx context.Context) {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return
	}
	k.closed = true
	k.handOver()
	k.rec = nil
	openGauge.Set(0)
	k.mu.Unlock()
	k.unheard()
	k.end()
	k.loads.Wait()
	var all sync.WaitGroup
	for _, closing := range []func(context.Context){k.store.close, k.journal.close, k.alerts.close} {
		all.Go(func() { closing(ctx) })
	}
	all.Wait()
}
