// Package tier connects this edge with the other edges of its tier, through one
// Redis or Valkey server, a Cluster, or Sentinels: calls and scripts behind a
// circuit breaker, a heartbeat that counts the live edges, and subscriptions.
//
// It stands below the token buckets and the replicated map, and alone knows the
// client library. When the server is lost, slow or refuses, calls fail at once
// and Lost reports so; only the heartbeat asks whether it is back.
package tier

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
)

// Options say where the shared store is and how this edge uses it.
type Options struct {
	// host:port of the server. Several are members of one Redis Cluster, or
	// with Master the Sentinels that know the server.
	Addresses []string
	Master    string // (optional) the name Sentinels know the server by
	Cluster   bool   // (optional) the one address is the door to a Redis Cluster

	// (optional) How to log in, to the servers and to the Sentinels.
	Username, Password                 string
	SentinelUsername, SentinelPassword string

	// (optional) TLS is asked how to encrypt connections, every few seconds, so that
	// certificates may change. Without it connections are not encrypted.
	TLS func() (*tls.Config, error)

	// (optional) Credentials is asked in place of Username and Password, every few seconds: a
	// password that has changed is used from the next connection on, if the store accepts it.
	Credentials func() (username, password string, err error)

	// (optional) The number of the database. A Cluster has number 0 only.
	DB int

	// The name of this edge. Edges that share a name are still counted apart.
	Node string

	// (optional) With how many edges to share the limits as long as the store
	// has not told how many there are. Default: 1.
	Edges int

	// (optional) How long a request waits for the store. Default: 20 ms.
	Deadline time.Duration

	// (optional) OnChange is called when counts become shared and when they
	// cease to be, with the reason and what to try. It must return soon.
	OnChange func(shared bool, reason string)

	// (optional) OnCredentials is called when the store would refuse a new connection, with the
	// reason and what to try, and without one when it accepts what has changed. It must return soon.
	OnCredentials func(refused string)

	// (optional) OnPart is called when servers of a Cluster do not answer while others do, and
	// when all do again, with the reason and what to try. It must return soon.
	OnPart func(lost bool, note string)

	// (optional) OnStep is called when the store's clock has jumped, with what to try. It must return soon.
	OnStep func(by time.Duration, note string)

	// (optional) OnApart is called when the clock of this edge and the store's begin to differ by
	// seconds, with what to try, and when they no longer do: then there is no note. It must return soon.
	OnApart func(by time.Duration, note string)
}

// Tier is the connection of one edge. Its methods are safe for concurrent use.
type Tier struct {
	opts   Options
	member string // this edge among the live ones
	client redis.UniversalClient

	breaker   *gobreaker.CircuitBreaker[struct{}]
	lost      atomic.Bool           // not reached yet, or given up by the breaker
	reached   atomic.Bool           // a heartbeat was answered, once
	fault     atomic.Pointer[error] // why the last call failed
	condition atomic.Pointer[condition]
	edges     atomic.Int64
	names     atomic.Pointer[[]string]
	commands  atomic.Int64
	latency   atomic.Int64
	trip      atomic.Int64   // the round trip of heartbeats, at best lately
	answered  atomic.Int64   // when the store answered last: to a heartbeat, in a Cluster to anything
	missed    atomic.Int32   // heartbeats, in a row
	reloads   rate.Sometimes // of what the servers of a Cluster have
	clock     clock

	credentials credentials

	partitions [Partitions]partition
	recovery   []func(Set)
	part       atomic.Pointer[part]
	unwell     chan struct{} // something is to be probed

	feed    Feed
	changes *Subscription // of the feed
	notify  []func(shared bool)
	changed chan struct{} // the breaker opened or closed

	subscriptions []*Subscription

	begin sync.Once
	quit  context.CancelFunc
	loops sync.WaitGroup
	end   func() error
}

// DefaultDeadline is how long a request of an exact zone may wait.
const DefaultDeadline = 20 * time.Millisecond

// maxEdges bounds the number of edges that the arithmetic assumes.
const maxEdges = 100

// quiet keeps go-redis from writing to the process's standard error; what it
// has to say is in the errors it returns.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// New refuses options that cannot work. It opens no connection; the tier is
// lost until Start.
func New(opts Options) (*Tier, error) {
	if len(opts.Addresses) == 0 {
		return nil, errors.New("redis: an address is needed, such as 10.0.0.11:6379")
	}
	clustered := opts.Master == "" && (opts.Cluster || len(opts.Addresses) > 1)
	if clustered && opts.DB != 0 {
		return nil, fmt.Errorf("redis: database %d: a Redis Cluster has database 0 only", opts.DB)
	}
	opts.Cluster = clustered
	if opts.Deadline <= 0 {
		opts.Deadline = DefaultDeadline
	}
	opts.Edges = max(1, opts.Edges)
	quiet()
	t := &Tier{
		opts:    opts,
		member:  opts.Node + "/" + rand.Text(),
		changed: make(chan struct{}, 1),
		unwell:  make(chan struct{}, 1),
		reloads: rate.Sometimes{Interval: time.Second},
		quit:    func() {},
	}
	t.client = redis.NewUniversalClient(opts.client(t.current))
	t.clock.born = time.Now()
	t.breaker = t.newBreaker()
	t.condition.Store(&condition{reason: "the store was not asked yet", since: time.Now()})
	t.lost.Store(true)
	t.edges.Store(int64(opts.Edges))
	t.names.Store(&[]string{t.member})
	t.end = sync.OnceValue(t.shut)
	return t, nil
}

// client returns the options as go-redis reads them. Nothing is tried twice:
// the next settlement is the second try. Each connection asks for its access.
func (o Options) client(current func() (*access, error)) *redis.UniversalOptions {
	options := &redis.UniversalOptions{
		Addrs:      o.Addresses,
		MasterName: o.Master, IsClusterMode: o.Cluster,
		Username: o.Username, Password: o.Password,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		DB: o.DB,

		ContextTimeoutEnabled: true,
		MaxRetries:            -1,
		DialerRetries:         1,
		DialTimeout:           o.dialTimeout(),
		ReadTimeout:           5 * max(longestWait, o.Deadline), // for the map of slots and the master
		PoolTimeout:           longestWait,
		PipelinePoolSize:      -1,
		DisableIdentity:       true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	if o.TLS != nil {
		options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			a, err := current()
			if err != nil {
				return nil, err
			}
			dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: o.dialTimeout()}, Config: a.tls}
			return dialer.DialContext(ctx, network, addr)
		}
	}
	if o.Credentials != nil {
		options.CredentialsProviderContext = func(context.Context) (string, string, error) {
			a, err := current()
			if err != nil {
				return "", "", err
			}
			return a.username, a.password, nil
		}
	}
	return options
}

// dialTimeout is how long a connection may take to be made: no less than a call.
func (o Options) dialTimeout() time.Duration { return max(dialTimeout, o.Deadline) }

// OnChange has call called when the store is shared and when it is lost, before
// Options.OnChange is. It is for before Start.
func (t *Tier) OnChange(call func(shared bool)) { t.notify = append(t.notify, call) }

// Start begins the heartbeat and the subscriptions. It does not wait for the
// store: see Options.OnChange and Status.
func (t *Tier) Start() {
	t.begin.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		t.quit = cancel
		t.loops.Go(func() { t.run(ctx) })
		if t.opts.Credentials != nil || t.opts.TLS != nil {
			t.loops.Go(func() { t.watchCredentials(ctx) })
		}
		if t.opts.Cluster {
			t.loops.Go(func() { t.watch(ctx) })
		}
		for _, s := range t.subscriptions {
			t.loops.Go(func() { t.listen(ctx, s) })
		}
	})
}

// Close removes this edge from the list of live ones and closes all connections.
func (t *Tier) Close() error { return t.end() }

func (t *Tier) shut() error {
	t.begin.Do(func() {}) // it is never started
	t.quit()
	t.loops.Wait()
	return t.client.Close()
}

// Node is the name of this edge.
func (t *Tier) Node() string { return t.opts.Node }

// Lost reports whether the store is not to be asked: it was not reached yet, or
// the breaker has given it up.
func (t *Tier) Lost() bool { return t.lost.Load() }

// Edges is how many edges are alive, 1 to 100, as far as this edge knows.
func (t *Tier) Edges() int64 { return t.edges.Load() }

// Deadline is how long a request may wait for the store: as long as is configured, or as a new
// connection takes to a store that is far away, which are four round trips.
func (t *Tier) Deadline() time.Duration {
	return max(t.opts.Deadline, min(4*time.Duration(t.trip.Load()), longestWait))
}

// longestWait bounds what a distant store costs a request.
const longestWait = 250 * time.Millisecond

// Patience is how long a call may take for which no request waits: five
// deadlines.
func (t *Tier) Patience() time.Duration { return 5 * t.Deadline() }

// Cluster reports whether all keys of one command must be in one partition.
func (t *Tier) Cluster() bool { return t.opts.Cluster }

// Status is how the connection is.
type Status struct {
	Shared   bool          // counts are shared with other edges right now
	Reason   string        // why not, and what to try
	Since    time.Time     // since when it is so
	Nodes    []string      // live edges, by name
	Commands int64         // sent to the store
	Latency  time.Duration // of the last answer of the store
	Steps    int64         // of the store's clock
	Refused  bool          // the store would refuse a new connection
	CutOff   int           // partitions of a Cluster whose servers do not answer
	Apart    time.Duration // by how much this edge's clock is ahead of the store's
}

// Status reports how the connection is.
func (t *Tier) Status() Status {
	c := t.condition.Load()
	names := slices.Clone(*t.names.Load())
	for i, name := range names {
		names[i] = name[:max(0, strings.LastIndexByte(name, '/'))]
	}
	lost := Set(0)
	if part := t.part.Load(); part != nil {
		lost = part.lost
	}
	return Status{
		Shared: c.shared, Reason: c.reason, Since: c.since, Nodes: names,
		Commands: t.commands.Load(), Latency: time.Duration(t.latency.Load()),
		Steps: t.clock.steps.Load(), Apart: time.Duration(t.clock.apart.Load()),
		Refused: t.credentials.refused.Load() != nil, CutOff: bits.OnesCount64(uint64(lost)),
	}
}

// Assume sets what is known of the store and of the other edges, for tests of what
// stands on a tier that is not started.
func (t *Tier) Assume(lost bool, edges int64) {
	t.lost.Store(lost)
	t.edges.Store(edges)
}
