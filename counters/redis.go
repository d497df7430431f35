package counters

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"
)

// RedisOptions says where the shared store is and how this edge uses it.
type RedisOptions struct {
	// host:port of the server. Several are members of one Redis Cluster, or
	// with Master the Sentinels that know the server.
	Addresses []string
	Master    string // (optional) the name Sentinels know the server by
	Cluster   bool   // (optional) the one address is the door to a Redis Cluster

	// (optional) How to log in, to the servers and to the Sentinels.
	Username, Password                 string
	SentinelUsername, SentinelPassword string
	TLS                                *tls.Config

	// (optional) The number of the database. A Cluster has number 0 only.
	DB int

	// The name of this edge. Edges that share a name are still counted apart.
	Node string

	// (optional) With how many edges to share the limits as long as the store
	// has not told how many there are. Default: 1.
	Edges int

	// How many bytes of memory the counts of this edge may need.
	Memory int64

	// (optional) How long TakeExact waits for the store. Default: 20 ms.
	Deadline time.Duration

	// (optional) OnChange is called when counts become shared and when they
	// cease to be, with the reason and what to try. It must return soon.
	OnChange func(shared bool, reason string)
}

// Redis counts together with other edges, by a Redis or Valkey server.
type Redis struct {
	opts   RedisOptions
	member string // this edge among the live ones
	client redis.UniversalClient
	table  *table
	shares *shares
	marks  *marks
	bans   *bans
	*facts
	asks    chan ask
	errands errands

	breaker   *gobreaker.CircuitBreaker[struct{}]
	lost      atomic.Bool           // not reached yet, or given up by the breaker
	reached   atomic.Bool           // a heartbeat was answered, once
	fault     atomic.Pointer[error] // why the last call failed
	condition atomic.Pointer[condition]
	nodes     atomic.Int64
	names     atomic.Pointer[[]string]
	commands  atomic.Int64
	latency   atomic.Int64

	telling sync.Mutex                         // one edge tells one thing after the other
	before  int64                              // the facts' version at the last heartbeat
	renew   atomic.Pointer[context.CancelFunc] // ends the subscription, and another begins
	deaf    atomic.Pointer[error]              // why there is none

	changed chan struct{} // the breaker opened or closed
	begin   sync.Once
	quit    context.CancelFunc
	loops   sync.WaitGroup
	end     func() error
}

var _ Store = (*Redis)(nil)

// defaultDeadline is how long a request of an exact zone may wait.
const defaultDeadline = 20 * time.Millisecond

// quiet keeps go-redis from writing to the process's standard error; what it
// has to say is in the errors it returns.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// NewRedis refuses options that cannot work. It opens no connection; the store
// counts alone until Start.
func NewRedis(opts RedisOptions) (*Redis, error) {
	if len(opts.Addresses) == 0 {
		return nil, errors.New("redis: an address is needed, such as 10.0.0.11:6379")
	}
	clustered := opts.Master == "" && (opts.Cluster || len(opts.Addresses) > 1)
	if clustered && opts.DB != 0 {
		return nil, fmt.Errorf("redis: database %d: a Redis Cluster has database 0 only", opts.DB)
	}
	opts.Cluster = clustered
	if opts.Deadline <= 0 {
		opts.Deadline = defaultDeadline
	}
	opts.Edges = max(1, opts.Edges)
	quiet()
	r := &Redis{
		opts:    opts,
		member:  opts.Node + "/" + rand.Text(),
		client:  redis.NewUniversalClient(opts.client()),
		bans:    newBans(),
		facts:   newFacts(),
		asks:    make(chan ask, maxAsks),
		errands: errands{wake: make(chan struct{}, 1)},
		changed: make(chan struct{}, 1),
		quit:    func() {},
	}
	r.table, r.shares, r.marks = opts.divide()
	r.breaker = r.newBreaker()
	r.condition.Store(&condition{reason: "the store was not asked yet", since: time.Now()})
	r.lost.Store(true)
	r.nodes.Store(int64(opts.Edges))
	r.names.Store(&[]string{r.member})
	r.end = sync.OnceValue(r.shut)
	return r, nil
}

// client is the same as go-redis reads it. Nothing is tried twice: the next
// settlement is the second try.
func (o RedisOptions) client() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs:      o.Addresses,
		MasterName: o.Master, IsClusterMode: o.Cluster,
		Username: o.Username, Password: o.Password,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		TLSConfig: o.TLS,
		DB:        o.DB,

		ContextTimeoutEnabled: true,
		MaxRetries:            -1,
		DialerRetries:         1,
		DialTimeout:           dialTimeout,
		PoolTimeout:           o.Deadline,
		PipelinePoolSize:      -1,
		DisableIdentity:       true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
}

// divide shares the memory out: a quarter for the buckets that are needed
// while the store is lost, a sixteenth for marks, the rest, less the queue,
// for the table.
func (o RedisOptions) divide() (*table, *shares, *marks) {
	fallback, used, queue := o.Memory/4, o.Memory/markShare, maxAsks*int64(unsafe.Sizeof(ask{}))
	return newTable(o.Memory - fallback - used - queue), newShares(fallback), newMarks(used)
}

// Start begins to share the counts with other edges. It does not wait for the
// store: see OnChange and Status.
func (r *Redis) Start() {
	r.begin.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		r.quit = cancel
		r.loops.Go(func() { r.run(ctx) })
		r.loops.Go(func() { r.hear(ctx) })
		r.loops.Go(func() { r.spread(ctx) })
	})
}

// Close settles what was asked to be settled, as far as the deadline allows,
// takes this edge off the list of live ones and closes all connections.
func (r *Redis) Close() error { return r.end() }

func (r *Redis) shut() error {
	r.begin.Do(func() {}) // it is never started
	r.quit()
	r.loops.Wait()
	r.close()
	r.bans.close()
	return r.client.Close()
}

// Status says how the store is.
func (r *Redis) Status() Status {
	c := r.condition.Load()
	names := slices.Clone(*r.names.Load())
	for i, name := range names {
		names[i] = name[:max(0, strings.LastIndexByte(name, '/'))]
	}
	st := r.table.status(Status{
		Kind: "redis", Shared: c.shared, Reason: c.reason, Since: c.since, Nodes: names,
		Commands: r.commands.Load(), Latency: time.Duration(r.latency.Load()),
	})
	st.Evicted += r.marks.evicted.Load()
	return r.bans.status(st)
}
