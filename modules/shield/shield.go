// Package shield is the app `shield`: it owns what all stages of all shops
// share, which is the store of counts, the secret, the shops with their tallies
// and levels, and the bans.
//
// No request passes through the app: stages call it. If the shared store is lost
// the app reports it in log, metrics, status and an event, and every stage goes
// on.
package shield

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/gaissmai/bart"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/outbox"
	"github.com/theriac-edge/theriac/modules/shield/places"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is what all shops of this edge have in common. It needs no settings; a tier
// of several edges needs `redis` and `secret`.
type App struct {
	// The name of this edge among the others. Default: the host's name.
	Node string `json:"node,omitempty"`

	// At least 16 bytes that only the edges of a tier share: client addresses are
	// hashed with it, passes are signed. Up to three, each in a line: the first is used,
	// passes and bans of the others hold as well, so that a tier can change to another.
	// Placeholders such as `{file./etc/theriac/secret}` are replaced, and files are
	// read again when they change. Default: random, which is enough for one edge.
	Secret string `json:"secret,omitempty"`

	// How many bytes the counts may take at most. Default: 64 MiB, which is enough
	// for about a million clients at the same time. It is cut to half of what the
	// process may use (GOMEMLIMIT, which Caddy sets from the container or the machine).
	Memory int64 `json:"memory,omitempty"`

	// The store that all edges share. Default: counts live in this process.
	Redis *Redis `json:"redis,omitempty"`

	// Addresses that are never banned, whatever comes from them: offices,
	// monitors, load balancers. Rate limits still apply. Addresses of partners
	// (`from`, `ranges`) and trusted proxies are exempt automatically.
	NeverBan []netip.Prefix `json:"never_ban,omitempty"`

	// The /96 prefixes of your own translators (NAT64, SIIT), behind which IPv4 clients
	// come as IPv6: each is the client of the IPv4 address at its end. 64:ff9b::/96 is one
	// without being named.
	NAT64 []netip.Prefix `json:"nat64,omitempty"`

	// What happens to clients that ignore refusals. Default: they are banned at
	// all edges, for as long as their penalty lasts.
	Bans *Bans `json:"bans,omitempty"`

	// Where the scrubber listens, such as `unix//run/scrubd/scrubd.sock`: it is
	// told to drop what comes from banned clients before it reaches this
	// process. Default: there is none.
	Scrubd string `json:"scrubd,omitempty"`

	// What the levels 1 to 4 of all shops do, by the level's number: what a client without a
	// time stamp or pass may ask for (`stranger`, `search`, `account`, each with `rate` and
	// `burst`), how much of a limit makes a client suspicious (`suspicious`), how many
	// refusals and challenges it may ignore (`ban_after`), and how much is left of other
	// limits (`subnet`, `crawlers`, `firewall`, `gate`). No level may allow more than the one
	// below. Default: the table in docs/levels.md.
	Levels Levels `json:"levels,omitempty"`

	// How edges watch the shops for attacks, by themselves. Default: they raise the level of
	// a shop that is attacked, and lower it when that is over.
	Watch Watch `json:"watch,omitzero"`
	// What is kept of attacks. Default: incidents and the ledger are in the shared store, for
	// 90 days.
	Incidents Incidents `json:"incidents,omitzero"`

	// Where alerts of attacks, of their end, and of an edge or the store in trouble go. Default:
	// nowhere.
	Alerts *alert.Config `json:"alerts,omitempty"`

	// When the edge ends: how long it serves new connections before, while health checks
	// get 503 and each response closes its connection. Default: 0.
	Drain caddy.Duration `json:"drain,omitempty"`

	ctx        caddy.Context
	log        *zap.Logger
	memoryNote string // why Memory is less than configured
	events     *caddyevents.App
	runtime    *runtime
	runtimeKey string
	secrets    *secret.Set      //  as they were when the configuration was read; nil: the runtime has a random one
	rereads    []*secret.Option // options whose files may change
	alerts     outbox.Current
	shops      map[shop.ID]*Shop
	servers    clientip.Servers
	warn       sync.Once                 // of proxies that clients can speak for
	exempt     atomic.Pointer[bart.Lite] // addresses that are never banned
	gated      sync.Map                  // *caddyhttp.Server: those with a gate
	gateShare  atomic.Pointer[gateShare] // see GateShare
}

// CaddyModule says how Caddy finds the app.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "shield", New: func() caddy.Module { return new(App) }}
}

// UnmarshalJSON reads the app. For a field that had another name before 1.0 the
// error has the new one.
func (a *App) UnmarshalJSON(raw []byte) error {
	type plain App
	return syntax.UnmarshalStrict(raw, "shield", (*plain)(a))
}

// Provision fills in the defaults and finds the runtime that an earlier
// configuration left, or makes one. It opens no connection.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Logger()
	a.shops = make(map[shop.ID]*Shop)
	repl := caddy.NewReplacer()
	a.Node = repl.ReplaceAll(a.Node, "")
	if a.Node == "" {
		a.Node, _ = os.Hostname()
	}
	if err := a.readSecret(); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := a.readAlerts(); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := a.fitMemory(); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if a.Bans == nil {
		a.Bans = new(Bans)
	}
	a.Bans.fillDefaults()
	a.exempt.Store(a.exemptFixed()) // Start adds those of partners
	if a.Redis != nil && a.Secret == "" {
		return errors.New("shield: redis is set without secret: edges that share counts must hash addresses with the same one; " +
			"write 32 random bytes to a file (openssl rand -base64 32) and add: secret {file./etc/theriac/secret}")
	}
	var err error
	if a.events, err = events(ctx); err != nil {
		return err
	}
	for _, event := range []string{"started", "stopping"} {
		if err := a.events.On(event, a); err != nil {
			return fmt.Errorf("shield: waiting for Caddy's event %s: %w", event, err)
		}
	}
	if err := registerMetrics(ctx.GetMetricsRegistry(), a); err != nil {
		return fmt.Errorf("shield: registering metrics: %w", err)
	}
	return a.acquire()
}

func events(ctx caddy.Context) (*caddyevents.App, error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("shield: finding Caddy's events: %w", err)
	}
	return app.(*caddyevents.App), nil
}

// Validate refuses settings that cannot work.
func (a *App) Validate() error {
	if a.Drain < 0 {
		return fmt.Errorf("shield: invalid drain %s: want at least 0", time.Duration(a.Drain))
	}
	if err := checkScrubd(a.Scrubd); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := clientip.CheckNAT64(a.NAT64); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := a.Incidents.validate(); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if err := a.Watch.validate(); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	if _, err := a.table(nil); err != nil {
		return fmt.Errorf("shield: %w", err)
	}
	return a.Bans.validate()
}

// Start checks what only the whole configuration shows, and collects the addresses
// that are never banned.
func (a *App) Start() error {
	if found, err := a.ctx.AppIfConfigured("http"); err == nil {
		a.servers = slices.Collect(maps.Values(found.(*caddyhttp.App).Servers))
	}
	a.exempt.Store(a.exemptFixed())
	return a.checkShops()
}

// Handle is called when every app of the configuration has started, which is when
// it comes into force: the store is connected, and this app reports changes.
// Before that another app could fail, and the previous configuration stay. It is called
// again before the apps are stopped.
func (a *App) Handle(_ context.Context, event caddy.Event) error {
	if event.Name() == "stopping" {
		a.prepareEnd()
		return nil
	}
	a.runtime.owner.Store(a)
	a.runtime.tellUnsaid(a)
	a.use(a.secrets)
	a.useAlerts()
	clientip.SetTranslators(a.NAT64)
	a.runtime.start()
	a.runtime.scrubber.Use(a.Scrubd, a.mayPushNow)
	a.loaded()
	a.warnOfNeighbours()
	return nil
}

// Stop does nothing: Cleanup ends what must end, when no request needs it any
// more.
func (a *App) Stop() error { return nil }

// Cleanup releases the runtime; the last configuration to do so closes the store.
func (a *App) Cleanup() error {
	if a.runtime != nil {
		a.runtime.owner.CompareAndSwap(a, nil)
	}
	a.alerts.End()
	if a.runtimeKey == "" {
		return nil
	}
	_, err := runtimes.Delete(a.runtimeKey)
	time.AfterFunc(time.Second, debug.FreeOSMemory) // this configuration was there beside the next one
	return err
}

// Store returns where all stages count.
func (a *App) Store() counters.Store { return a.runtime.store }

// Places returns where shops serve their assets from.
func (a *App) Places() *places.Places { return a.runtime.places }

// Hasher returns what makes the keys of clients now. Another secret makes others: do not
// keep it.
func (a *App) Hasher() *netkey.Hasher { return a.runtime.hasher() }

// Keys returns what makes and checks the tokens of challenges now. Another secret makes
// others: do not keep it.
func (a *App) Keys() *pow.Keys { return a.runtime.secrets.Load().Keys }

// Interface guards.
var (
	_ caddy.App           = (*App)(nil)
	_ caddy.Provisioner   = (*App)(nil)
	_ caddy.Validator     = (*App)(nil)
	_ caddy.CleanerUpper  = (*App)(nil)
	_ caddyevents.Handler = (*App)(nil)
)
