package shield

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/modules/shield/clock"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/modules/shield/places"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
)

// runtime is what outlives a reload: counts, secrets, tallies and levels. All
// configurations with the same settings of the app share one; the secrets may change.
type runtime struct {
	store   counters.Store
	secrets atomic.Pointer[secret.Set]
	files   *counters.Files            // nil where one process is every edge
	connect func()                     // to the store, the first time
	start   func()                     // connects and begins all else, the first time
	unsaid  atomic.Pointer[func(*App)] // how the store is, as long as no configuration is in force
	owner   atomic.Pointer[App]        // the configuration in force
	tallies sync.Map                   // shop.ID to *tally.Tally
	levels  *levels.Registry
	places  *places.Places
	watcher *watching.Watcher
	keeper  *incidents.Keeper
	tier    *layer4.Tier
	changes levelChanges

	bans        *banindex.Index
	scrubber    *client.Client
	protectedIn [4096]atomic.Uint64 // subnets that were protected last, and in which minute
	sometimes   rate.Sometimes      // of log lines about bans
	alertHooks  alertHooks
	end         context.CancelFunc
	syncing     sync.WaitGroup
}

var runtimes = caddy.NewUsagePool()

// Destruct closes the store when the last configuration is gone.
func (rt *runtime) Destruct() error {
	rt.end()
	rt.syncing.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), handOver)
	defer cancel()
	rt.keeper.Close(ctx)
	return rt.store.Close()
}

// handOver is how long an edge that ends may take to keep the incidents that are open.
const handOver = 3 * time.Second

// tally returns the counts of a shop.
func (rt *runtime) tally(id shop.ID) *tally.Tally {
	known, ok := rt.tallies.Load(id)
	if !ok {
		known, _ = rt.tallies.LoadOrStore(id, tally.New(time.Now()))
	}
	return known.(*tally.Tally)
}

// node returns the name of this edge, for operators of the scrubber.
func (rt *runtime) node() string {
	if owner := rt.owner.Load(); owner != nil {
		return owner.Node
	}
	return ""
}

// acquire finds the runtime for the app's settings, or makes it.
func (a *App) acquire() error {
	settings, err := json.Marshal(struct {
		Node   string
		Memory int64
		Redis  *Redis
	}{a.Node, a.Memory, a.Redis})
	if err != nil {
		return fmt.Errorf("shield: naming the store: %w", err)
	}
	sum := sha256.Sum256(settings)
	key := hex.EncodeToString(sum[:])
	rt, _, err := runtimes.LoadOrNew(key, func() (caddy.Destructor, error) {
		return a.newRuntime()
	})
	if err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	a.runtime, a.runtimeKey = rt.(*runtime), key
	return nil
}

func (a *App) newRuntime() (*runtime, error) {
	first := a.secrets
	if first == nil {
		var err error
		if first, err = secret.Random(); err != nil {
			return nil, err
		}
	}
	ctx, end := context.WithCancel(context.Background())
	rt := &runtime{end: end, bans: banindex.New(), sometimes: rate.Sometimes{Interval: time.Second}}
	rt.levels = levels.NewRegistry(func(c levels.Change) { rt.tell(func(a *App) { a.levelChanged(c) }) })
	first.Follow(rt.time)
	rt.secrets.Store(first)
	rt.scrubber = rt.newScrubber()
	run := func() {
		rt.syncing.Go(func() { rt.scrubber.Run(ctx) })
		rt.syncing.Go(func() { rt.places.Tell(ctx) })
		rt.syncing.Go(func() { rt.rereadFiles(ctx) })
		rt.syncing.Go(func() { rt.tier.Run(ctx) })
		rt.syncing.Go(func() { rt.watcher.Run(ctx) })
		rt.syncing.Go(func() { rt.watchStore(ctx) })
	}
	if a.Redis == nil {
		rt.store, rt.start = counters.NewMemory(a.Memory), sync.OnceFunc(run)
		rt.listen(a.Node)
		return rt, nil
	}
	opts, err := a.Redis.options()
	if err != nil {
		return nil, err
	}
	opts.Node, opts.Memory = a.Node, a.Memory
	opts.OnChange = func(shared bool, reason string) {
		rt.tellLater(func(a *App) { a.storeChanged(shared, reason) })
	}
	opts.OnCredentials = func(refused string) {
		rt.tell(func(a *App) { a.credentialsChanged(refused) })
	}
	opts.OnPart = func(lost bool, note string) {
		rt.tell(func(a *App) { a.partChanged(lost, note) })
	}
	opts.OnStep = func(by time.Duration, note string) {
		rt.tell(func(a *App) { a.log.Error(note, zap.Duration("by", by)) })
	}
	opts.OnApart = func(by time.Duration, note string) {
		rt.tell(func(a *App) { a.clocksApart(by, note) })
	}
	store, err := counters.NewRedis(opts)
	if err != nil {
		return nil, err
	}
	rt.store, rt.files, rt.connect = store, store.Files, sync.OnceFunc(store.Start)
	rt.start = sync.OnceFunc(func() {
		rt.connect()
		run()
	})
	rt.listen(a.Node)
	return rt, nil
}

// tell calls the configuration in force, if there is one.
func (rt *runtime) tell(call func(*App)) {
	if owner := rt.owner.Load(); owner != nil {
		call(owner)
	}
}

// tellLater calls the configuration in force, or the first that comes into force: storage asks
// the store before that.
func (rt *runtime) tellLater(call func(*App)) {
	rt.unsaid.Store(&call)
	rt.tell(rt.tellUnsaid)
}

func (rt *runtime) tellUnsaid(a *App) {
	if call := rt.unsaid.Swap(nil); call != nil {
		(*call)(a)
	}
}

func (rt *runtime) listen(node string) {
	rt.keeper = rt.newKeeper(node)
	rt.alertHooks = alertHooks{accepted: rt.keeper.Accepted, open: rt.keeper.Open}
	rt.tier = layer4.New(layer4.Options{Node: rt.node, Scrubd: rt.scrubd})
	rt.watcher = watching.New(rt.store, node, rt.watched, rt.tier, recorder{rt.keeper, &rt.changes})
	rt.levels.Listen(rt.store)
	rt.places = places.New(rt.store, rt.hashers)
	rt.store.ListenBans(rt.banChanged)
}

// Time is the time of day on which all edges agree.
func (a *App) Time(now time.Time) time.Time { return a.runtime.time(now) }

func (rt *runtime) time(now time.Time) time.Time { return clock.Agreed(rt.store, now) }

// clocksApart tells operators that the clock of this edge or the store is wrong, or is no longer.
func (a *App) clocksApart(by time.Duration, note string) {
	if note == "" {
		a.log.Info("this edge's clock and the store's agree again", zap.Duration("difference", by))
		return
	}
	a.log.Error(note, zap.Duration("difference", by))
}

// fitMemory cuts what would leave too little memory to everything else.
func (a *App) fitMemory() error {
	asked := cmp.Or(a.Memory, life.DefaultMemory)
	fits, limit, err := life.FitMemory(asked)
	if err != nil {
		return err
	}
	if a.Memory = fits; fits < asked {
		a.memoryNote = fmt.Sprintf("memory is cut from %s to %s, half of what this process may use: give the container or the machine more, or lower memory",
			humanize.IBytes(uint64(asked)), humanize.IBytes(uint64(fits)))
		a.log.Error(a.memoryNote, zap.Int64("gomemlimit", limit))
	}
	return nil
}

// MemoryNote says why counts get less memory than configured, or is empty.
func (a *App) MemoryNote() string { return a.memoryNote }

// storeChanged tells operators, once, whether counts are shared.
func (a *App) storeChanged(shared bool, reason string) {
	name := "store_back"
	if shared {
		a.log.Info("the shared store is connected: limits hold over all edges")
	} else {
		name = "store_lost"
		a.log.Error("the shared store is lost: this edge enforces its share of every limit",
			zap.String("reason", reason))
	}
	a.events.Emit(a.ctx, name, map[string]any{"reason": reason, "node": a.Node, "at": time.Now()})
}

// partChanged tells operators that servers of a Cluster do not answer, or that all do again.
func (a *App) partChanged(lost bool, note string) {
	if lost {
		a.log.Error(note)
	} else {
		a.log.Info(note)
	}
}
