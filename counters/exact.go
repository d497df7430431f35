package counters

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed exact.lua
var exactLua string
var exact = redis.NewScript(exactLua)

// TakeExact asks the store, unless this edge knows already that the key must
// wait. The store is asked even if the visitor has hung up: trying is what is
// counted.
func (r *Redis) TakeExact(ctx context.Context, key netkey.Key, lim *Limit, now time.Time) Decision {
	at := r.table.at(now)
	if d, known := r.refused(key, lim, at); known {
		return d
	}
	if r.lost.Load() {
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
	s.known = max(s.known, s.tat)
	if !s.asked && s.owed > 0 {
		s.asked = r.ask(key, lim)
	}
	if !taken {
		return s.refuse(lim, at, max(1, s.wait(at, every, window)))
	}
	return Decision{Remaining: remaining(s.tat, at, every, window), Refusals: s.refusals}
}

// refused answers for a key that this edge knows must wait.
func (r *Redis) refused(key netkey.Key, lim *Limit, at int64) (d Decision, known bool) {
	every, window := lim.terms()
	set := r.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := set.find(&key)
	if s == nil {
		return d, false
	}
	s.renew(lim, at, debts(window, r.nodes.Load()))
	wait := s.wait(at, every, window)
	if wait == 0 {
		return d, false
	}
	return s.refuse(lim, at, wait), true
}

// takeShared takes one token from the bucket in the store. It says whether
// there was one and how far from full the bucket now is.
func (r *Redis) takeShared(ctx context.Context, key netkey.Key, lim *Limit) (taken bool, ahead time.Duration, err error) {
	every, window := lim.terms()
	var reply []int64
	err = r.call(context.WithoutCancel(ctx), r.opts.Deadline, func(ctx context.Context) error {
		r.commands.Add(1)
		// An interval is rounded up, so that the limit is never exceeded.
		reply, err = exact.Run(ctx, r.client, []string{name(&key)}, (every+999)/1000, window/1000).Int64Slice()
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
