package shield

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// A house is what outlives a reload: counts, secret, tallies and alerts. Every
// configuration with the same settings of the app lives in the same one.
type house struct {
	store   counters.Store
	hasher  *netkey.Hasher
	keys    *pow.Keys           // of challenges and passes
	start   func()              // connects, the first time
	owner   atomic.Pointer[App] // the configuration in force
	tallies sync.Map            // shop.ID to *Tally
	alerts  sync.Map            // shop.ID to *atomic.Pointer[Alert]

	book      *book // of bans
	scrubber  *client.Client
	said      [4096]atomic.Uint64 // neighbourhoods that were vouched for, and in which minute
	sometimes rate.Sometimes      // of lines in the log about bans
	end       context.CancelFunc
	talking   sync.WaitGroup
}

var houses = caddy.NewUsagePool()

// Destruct closes the store when nobody lives here any more.
func (h *house) Destruct() error {
	h.end()
	h.talking.Wait()
	return h.store.Close()
}

// node is the name of this edge, for the scrubber's people.
func (h *house) node() string {
	if owner := h.owner.Load(); owner != nil {
		return owner.Node
	}
	return ""
}

// moveIn finds or builds the house for the app's settings.
func (a *App) moveIn(secret string, repl *caddy.Replacer) error {
	settings, err := json.Marshal(struct {
		Node, Secret string
		Memory       int64
		Redis        *Redis
	}{a.Node, secret, a.Memory, a.Redis})
	if err != nil {
		return fmt.Errorf("shield: naming the store: %w", err)
	}
	sum := sha256.Sum256(settings)
	key := hex.EncodeToString(sum[:])
	h, _, err := houses.LoadOrNew(key, func() (caddy.Destructor, error) {
		return a.build(secret, repl)
	})
	if err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	a.house, a.houseKey = h.(*house), key
	return nil
}

func (a *App) build(secret string, repl *caddy.Replacer) (*house, error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	if secret == "" {
		secret = string(random)
	}
	hasher, err := netkey.NewHasher([]byte(secret))
	if err != nil {
		return nil, err
	}
	keys, err := pow.NewKeys([]byte(secret))
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	h := &house{hasher: hasher, keys: keys, end: end, book: newBook(), sometimes: rate.Sometimes{Interval: time.Second}}
	h.scrubber = h.newScrubber()
	talk := func() { h.talking.Go(func() { h.scrubber.Run(ctx) }) }
	if a.Redis == nil {
		h.store, h.start = counters.NewMemory(a.Memory), sync.OnceFunc(talk)
		h.listen()
		return h, nil
	}
	opts, err := a.Redis.options(repl)
	if err != nil {
		return nil, err
	}
	opts.Node, opts.Memory = a.Node, a.Memory
	opts.OnChange = func(shared bool, reason string) {
		if owner := h.owner.Load(); owner != nil {
			owner.storeChanged(shared, reason)
		}
	}
	store, err := counters.NewRedis(opts)
	if err != nil {
		return nil, err
	}
	h.store, h.start = store, sync.OnceFunc(func() {
		store.Start()
		talk()
	})
	h.listen()
	return h, nil
}

func (h *house) listen() {
	h.store.Listen(counters.Level, h.learn)
	h.store.ListenBans(h.heard)
}

// tuneCollector trades memory for time where a limit keeps the memory
// bounded: at 400 percent an allowed request costs about a seventh less.
func (a *App) tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := a.GCPercent
	if percent == 0 {
		if debug.SetMemoryLimit(-1) == math.MaxInt64 {
			return
		}
		percent = 400
	}
	debug.SetGCPercent(percent)
	a.log.Debug("set the garbage collector", zap.Int("percent", percent))
}
