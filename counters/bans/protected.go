package bans

import (
	"context"
	_ "embed"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed protect.lua
var protectLua string
var protect = tier.NewTimed(protectLua)

var protectedKey = tier.Key("bans:protected")

const (
	maxProtected   = 65536
	protectedLife  = 5 * time.Minute // how long a customer protects a subnet
	protectedAgain = time.Minute     // how soon that is worth telling again
	maxUnpublished = 16384           // subnets that the store is yet to be told of
	publishGap     = 100 * time.Millisecond
	maxCommand     = 256 // subnets in one command
)

// subnets are those that customers came from: about 65,536 in a fixed piece of
// memory of 1.5 MiB, made when the first one comes. One without room takes the
// place of the oldest of its set.
type subnets struct {
	set atomic.Pointer[keyset.Set]

	tier *tier.Tier // nil: there is no store to tell
	wake func()     // has publish called soon

	mu          sync.Mutex
	unpublished []netkey.Key
}

// Protect notes that a customer with a valid pass or stamp came from the subnet
// key: for five minutes no automatic ban is made there, at any edge. It is cheap
// enough for every request, and tells the store at most once a minute.
func (l *List) Protect(key netkey.Key, now time.Time) {
	s := &l.protected
	if s.make().Renew(&key, now, protectedLife, protectedAgain) && s.tier != nil && !s.tier.Lost() {
		s.later(key)
	}
}

// Protected reports whether this edge knows of customers in the subnet.
func (l *List) Protected(key netkey.Key, now time.Time) bool { return l.protected.has(&key, now) }

// later has the store told soon, together with others.
func (s *subnets) later(key netkey.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unpublished) < maxUnpublished {
		s.unpublished = append(s.unpublished, key)
	}
	if len(s.unpublished) == 1 {
		time.AfterFunc(publishGap, s.wake)
	}
}

// learn takes in that the store knows of customers.
func (s *subnets) learn(key *netkey.Key, now time.Time, left time.Duration) {
	s.make().Renew(key, now, left, left)
}

func (s *subnets) make() *keyset.Set {
	if s.set.Load() == nil {
		s.set.CompareAndSwap(nil, keyset.New(maxProtected*keyset.EntryBytes))
	}
	return s.set.Load()
}

// has reports whether a customer came lately.
func (s *subnets) has(key *netkey.Key, now time.Time) bool { return s.left(key, now) > 0 }

// left is for how long no ban is to be made there.
func (s *subnets) left(key *netkey.Key, now time.Time) time.Duration {
	set := s.set.Load()
	if set == nil {
		return 0
	}
	return set.Left(key, now)
}

// publish tells the store where customers came from. What it does not hear it is
// told a minute later, by the next customer, or when it is back.
func (s *subnets) publish(everything bool) {
	s.mu.Lock()
	keys := s.unpublished
	s.unpublished = nil
	s.mu.Unlock()
	if set := s.set.Load(); everything && set != nil {
		keys = set.All(time.Now())
	}
	for some := range slices.Chunk(keys, maxCommand) {
		if s.tier.Lost() {
			return
		}
		args, now := []any{maxProtected}, time.Now()
		for _, key := range some {
			if left := s.left(&key, now); left > 0 {
				args = append(args, keyText(&key), tier.WholeMillis(left).Milliseconds())
			}
		}
		_ = s.tier.Run(context.Background(), s.tier.Patience(), protect, []string{protectedKey, tier.ClockKey}, args, func(tier.Reply) error { return nil })
	}
}
