package shield

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/scrubd/client"
)

// runtime is what outlives a reload: counts, secrets, tallies and levels. All
// configurations with the same settings of the app share one; the secrets may change.
type runtime struct {
	store   counters.Store
	secrets atomic.Pointer[secret.Set]
	start   func()              // connects, the first time
	owner   atomic.Pointer[App] // the configuration in force
	tallies sync.Map            // shop.ID to *Tally
	levels  sync.Map            // shop.ID to *atomic.Pointer[LevelState]
	assets  assets

	bans        *banIndex
	scrubber    *client.Client
	protectedIn [4096]atomic.Uint64 // subnets that were protected last, and in which minute
	sometimes   rate.Sometimes      // of log lines about bans
	end         context.CancelFunc
	syncing     sync.WaitGroup
}

var runtimes = caddy.NewUsagePool()

// Destruct closes the store when the last configuration is gone.
func (rt *runtime) Destruct() error {
	rt.end()
	rt.syncing.Wait()
	return rt.store.Close()
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
	rt := &runtime{end: end, bans: newBanIndex(), sometimes: rate.Sometimes{Interval: time.Second}}
	first.Follow(rt.time)
	rt.secrets.Store(first)
	rt.scrubber, rt.assets = rt.newScrubber(), newAssets()
	run := func() {
		rt.syncing.Go(func() { rt.scrubber.Run(ctx) })
		rt.syncing.Go(func() { rt.tellAssets(ctx) })
		rt.syncing.Go(func() { rt.rereadFiles(ctx) })
	}
	if a.Redis == nil {
		rt.store, rt.start = counters.NewMemory(a.Memory), sync.OnceFunc(run)
		rt.listen()
		return rt, nil
	}
	opts, err := a.Redis.options()
	if err != nil {
		return nil, err
	}
	opts.Node, opts.Memory = a.Node, a.Memory
	opts.OnChange = func(shared bool, reason string) {
		rt.tell(func(a *App) { a.storeChanged(shared, reason) })
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
	rt.store, rt.start = store, sync.OnceFunc(func() {
		store.Start()
		run()
	})
	rt.listen()
	return rt, nil
}

// tell calls the configuration in force, if there is one.
func (rt *runtime) tell(call func(*App)) {
	if owner := rt.owner.Load(); owner != nil {
		call(owner)
	}
}

func (rt *runtime) listen() {
	rt.store.Listen(counters.Level, rt.levelEntryChanged)
	rt.store.Listen(counters.Asset, rt.assetEntryChanged)
	rt.store.ListenBans(rt.banChanged)
}

// MaxApart is how far from the tier's time an edge may be, whose own clock is wrong or is set,
// for it to be made up for.
const MaxApart = 2 * time.Hour

// Time is the time of day on which all edges agree, by which days begin, and tokens are issued
// and judged: the tier's, or as near to that as MaxApart allows. It jumps neither when this
// edge's clock is set nor when the store's is.
func (a *App) Time(now time.Time) time.Time { return a.runtime.time(now) }

func (rt *runtime) time(now time.Time) time.Time { return TimeBy(rt.store, now) }

// TimeBy is App.Time by a store.
func TimeBy(store counters.Store, now time.Time) time.Time {
	tier, now := store.Time(now), now.Round(0)
	switch {
	case tier.Before(now.Add(-MaxApart)):
		return now.Add(-MaxApart)
	case tier.After(now.Add(MaxApart)):
		return now.Add(MaxApart)
	}
	return tier
}

// clocksApart tells operators that the clock of this edge or the store is wrong, or is no longer.
func (a *App) clocksApart(by time.Duration, note string) {
	if note == "" {
		a.log.Info("this edge's clock and the store's agree again", zap.Duration("difference", by))
		return
	}
	a.log.Error(note, zap.Duration("difference", by))
}

// DefaultMemory is how many bytes the counts may take by default.
const DefaultMemory = 64 << 20

// minMemory holds some 10,000 clients.
const minMemory = 1 << 20

// fitMemory fills in the default, and cuts what would not leave half of the process's memory
// to everything else: near its limit a Go process collects garbage all the time. Caddy sets
// that limit from the container or the machine.
func (a *App) fitMemory() error {
	if a.Memory == 0 {
		a.Memory = DefaultMemory
	}
	if a.Memory < minMemory {
		return fmt.Errorf("shield: invalid memory of %d bytes: want at least %d", a.Memory, minMemory)
	}
	limit := debug.SetMemoryLimit(-1)
	if half := max(minMemory, limit/2); a.Memory > half {
		a.memoryNote = fmt.Sprintf("memory is cut from %s to %s, half of what this process may use: give the container or the machine more, or lower memory",
			humanize.IBytes(uint64(a.Memory)), humanize.IBytes(uint64(half)))
		a.log.Error(a.memoryNote, zap.Int64("gomemlimit", limit))
		a.Memory = half
	}
	return nil
}

// MemoryNote says why counts get less memory than configured, or is empty.
func (a *App) MemoryNote() string { return a.memoryNote }

// trail is what operators did to this process, whichever configuration was in force.
var trail audit.Trail

// Record logs an act of an operator, and keeps it for the status.
func (a *App) Record(act audit.Act) {
	act.At, act.Node = time.Now(), a.Node
	trail.Add(act)
	a.log.Sugar().Infow(audit.Message, act.Fields()...)
}

// Acts returns the last acts of operators at this edge, the newest first.
func (a *App) Acts() []audit.Act { return trail.Acts() }

// loads is how configurations come into force.
var loads struct {
	one     sync.Mutex          // one request at a time
	request atomic.Pointer[App] // the app that the present request has brought into force; noApp: none yet
	any     atomic.Bool         // one has come into force since the process started
}

var noApp = new(App)

// Load runs the request of an operator that may bring a configuration into force. It
// returns the app of that configuration; nil if there is none.
func Load(request func() error) (inForce *App, err error) {
	loads.one.Lock()
	defer loads.one.Unlock()
	loads.request.Store(noApp)
	err = request()
	if inForce = loads.request.Swap(nil); inForce == noApp {
		inForce = nil
	}
	return inForce, err
}

// loaded records that this configuration has come into force, unless the caller of
// Load does, or it is the process's first.
func (a *App) loaded() {
	first := !loads.any.Swap(true)
	if !loads.request.CompareAndSwap(noApp, a) && !first {
		a.Record(audit.Act{Act: Reload, Who: audit.Unknown})
	}
}

// Reload is the act of bringing another configuration into force.
const Reload = "reload"

// defaultGrace is how long requests may take to finish when the process ends.
const defaultGrace = 10 * time.Second

// prepareEnd is called before a configuration is stopped. At a reload it does nothing: the
// next configuration listens already. At the end of the process it drains the edge, and
// lets the requests in work finish before Caddy shuts its servers down. Caddy alone would
// close its listeners first, and then wait for the slowest download without end.
func (a *App) prepareEnd() {
	found, err := a.ctx.AppIfConfigured("http")
	if err != nil || !caddy.Exiting() {
		return
	}
	app := found.(*caddyhttp.App)
	if app.GracePeriod == 0 {
		app.GracePeriod = caddy.Duration(defaultGrace)
	}
	drain, grace := time.Duration(a.Drain), time.Duration(app.GracePeriod)
	a.log.Info("the edge ends: it drains, then requests get time to finish",
		zap.Duration("drain", drain), zap.Duration("grace_period", grace), zap.Int64("in_work", a.runtime.inWork()))
	left, ok := life.Finish(drain, grace, a.runtime.inWork)
	if !ok {
		return // without a gate Caddy waits for them
	}
	if left > 0 {
		a.log.Warn("requests did not finish within grace_period: they are cut off", zap.Int64("requests", left))
	}
	app.GracePeriod = caddy.Duration(min(grace, life.Farewell))
}

// inWork returns how many requests of the shops are not finished. Sessions of WebSockets
// are none.
func (rt *runtime) inWork() (n int64) {
	rt.tallies.Range(func(_, tally any) bool {
		n += tally.(*Tally).InWork.Load()
		return true
	})
	return n
}

// firstStart is over when the first configuration of this process has started.
var firstStart sync.Once

// warnOfNeighbours tells of a second edge on this host, which gets a part of all
// connections and shares no counts, bans or levels unless both have a store.
func (a *App) warnOfNeighbours() {
	firstStart.Do(func() {
		if shared := life.Neighbours(); len(shared) > 0 {
			a.log.Error("another process listens at the same addresses, and gets a part of the connections; "+
				"is a second edge running by mistake? `ss -ltnp` shows both, `systemctl stop` or kill ends one",
				zap.Strings("addresses", shared))
		}
	})
}
