package bucket

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed exact.lua
var exactLua string
var exact = tier.NewScript(exactLua)

// TakeExact asks the store, unless this edge knows already that the key must
// wait, that its server does not answer, or has not been told yet what was spent while it did
// not. The store is asked even if the visitor has hung up: trying is what is counted.
func (r *Shared) TakeExact(ctx context.Context, key netkey.Key, lim *Limit, now time.Time) Decision {
	at := r.table.at(now)
	d, known, isAhead := r.refused(key, lim, at)
	if known {
		return d
	}
	if isAhead || r.tier.Lost() || r.tier.IsCutOff(partition(&key)) {
		return r.Take(key, lim, now)
	}
	began := time.Now()
	taken, ahead, err := r.takeShared(ctx, key, lim)
	if err != nil {
		return r.Take(key, lim, now)
	}
	every, window := lim.terms()
	set := r.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := r.table.claim(set, &key, lim, at)
	s.tat = max(s.tat, at+int64(time.Since(began)+ahead))
	s.known = max(s.known, at+int64(ahead)) // never more than the store knew
	if !s.asked && s.owed > 0 {
		s.asked = r.ask(key, lim)
	}
	if !taken {
		return s.refuse(lim, at, max(1, s.wait(at, every, window)))
	}
	return Decision{Remaining: remaining(s.tat, at, every, window), Refusals: s.refusals}
}

// refused answers for a key that this edge knows must wait. Otherwise it says whether the
// edge has spent by itself what the store does not know of.
func (r *Shared) refused(key netkey.Key, lim *Limit, at int64) (d Decision, known, isAhead bool) {
	every, window := lim.terms()
	set := r.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := set.find(&key)
	if s == nil {
		return d, false, false
	}
	s.renew(lim, at, farthest(window, r.tier.Edges()))
	wait := s.wait(at, every, window)
	if wait == 0 {
		return d, false, s.alone && s.owed > 0
	}
	return s.refuse(lim, at, wait), true, false
}

// takeShared takes one token from the bucket in the store. It says whether
// there was one and how far from full the bucket now is.
func (r *Shared) takeShared(ctx context.Context, key netkey.Key, lim *Limit) (taken bool, ahead time.Duration, err error) {
	every, window := lim.terms()
	var reply []int64
	// An interval is rounded up, so that the limit is never exceeded.
	args := []any{(every + 999) / 1000, window / 1000, r.known(&key) / 1000, farthest(window, r.tier.Edges()) / 1000}
	err = r.tier.RunIn(ctx, partition(&key), r.tier.Deadline(), exact, []string{name("bucket", &key)}, args, func(answer tier.Reply) (err error) {
		reply, err = answer.Int64Slice()
		if err == nil && len(reply) != 2 {
			err = fmt.Errorf("taking one token: %d answers instead of 2", len(reply))
		}
		return err
	})
	if err != nil {
		return false, 0, err
	}
	return reply[0] == 1, time.Duration(reply[1]) * time.Microsecond, nil
}

// known is how far from full the bucket is at least, as the store said last.
func (r *Shared) known(key *netkey.Key) int64 {
	set := r.table.set(key)
	set.mu.Lock()
	defer set.mu.Unlock()
	if s := set.find(key); s != nil {
		return max(0, s.known-r.table.at(time.Now()))
	}
	return 0
}
