package counters

import (
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters/bans"
	"github.com/theriac-edge/theriac/counters/bucket"
	"github.com/theriac-edge/theriac/counters/channel"
	"github.com/theriac-edge/theriac/counters/files"
	"github.com/theriac-edge/theriac/counters/lease"
	"github.com/theriac-edge/theriac/counters/records"
	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/counters/tier"
)

// RedisOptions say where the shared store is and how this edge uses it.
type RedisOptions struct {
	tier.Options

	// How many bytes of memory the counts of this edge may need.
	Memory int64
}

// Redis counts together with other edges, by a Redis or Valkey server.
type Redis struct {
	tier *tier.Tier
	*bucket.Shared
	*bans.List
	*replica.Map
	*channel.Bus
	*lease.Leases
	*records.Records

	// Files are the certificates of the tier.
	Files *files.Files

	end func() error
}

var _ Store = (*Redis)(nil)

// NewRedis refuses options that cannot work. It opens no connection; the store
// counts alone until Start.
func NewRedis(opts RedisOptions) (*Redis, error) {
	t, err := tier.New(opts.Options)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		tier: t, Shared: bucket.NewShared(t, opts.Memory),
		Bus: channel.New(t), Leases: lease.New(t), Records: records.New(t), Files: files.New(t),
	}
	r.List, r.Map = replicate(t)
	r.end = sync.OnceValue(func() error {
		r.Files.Close()
		r.Leases.Close()
		r.Bus.Close()
		r.Shared.Close()
		r.Map.Close()
		return t.Close()
	})
	return r, nil
}

// Start begins to share the counts with other edges. It does not wait for the
// store: see OnChange and Status.
func (r *Redis) Start() {
	r.Shared.Start()
	r.Map.Start()
	r.Bus.Start()
	r.tier.Start()
}

// Close settles what was asked to be settled, as far as the deadline allows,
// removes this edge from the list of live ones and closes all connections.
func (r *Redis) Close() error { return r.end() }

// Status reports how the store is.
func (r *Redis) Status() Status {
	s, t := statusOf(r.Shared.Status(), r.List), r.tier.Status()
	s.Kind, s.Shared, s.Reason, s.Since, s.Nodes = "redis", t.Shared, t.Reason, t.Since, t.Nodes
	s.Commands, s.Latency, s.Steps, s.Refuses, s.CutOff, s.Apart = t.Commands, t.Latency, t.Steps, t.Refused, t.CutOff, t.Apart
	s.Dropped = r.Bus.Dropped()
	return s
}

// Time is the tier's time; the edge's own until Redis was reached.
func (r *Redis) Time(now time.Time) time.Time {
	if at, ok := r.tier.Time(now); ok {
		return at
	}
	return now
}
