package counters

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Ban asks the store for a ban, in the background. If the store is lost the
// ban holds here.
func (r *Redis) Ban(q BanRequest) error {
	now, lost := time.Now(), r.lost.Load()
	row, err := r.bans.admit(&q, now, !lost)
	switch {
	case row == nil:
	case lost:
		err = r.bans.hold(row)
	default:
		r.errands.add(func(t *todo) { t.rows = append(t.rows, row) })
	}
	if err != nil {
		return fmt.Errorf("counters: banning: %w", err)
	}
	return nil
}

// Unban lifts all bans of key here, and in the background everywhere else.
func (r *Redis) Unban(key, client netkey.Key) {
	rows := r.bans.lift(key, client, time.Now())
	r.bans.deliver()
	if !r.lost.Load() {
		r.errands.add(func(t *todo) { t.rows = append(t.rows, rows...) })
	}
}

// Banned returns the ban of key that holds at the shop.
func (r *Redis) Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool) {
	return r.bans.banned(&key, at, now)
}

// Bans are the bans that hold, as far as this edge knows.
func (r *Redis) Bans() []ban.Ban { return r.bans.all(time.Now()) }

// ListenBans calls back with all known bans, and from then on with each change.
func (r *Redis) ListenBans(call func(ban.Event)) (stop func()) { return r.bans.listen(call) }

// Vouch says that a customer came from the neighbourhood.
func (r *Redis) Vouch(key netkey.Key, now time.Time) {
	if r.bans.vouchers.note(&key, now) && !r.lost.Load() {
		r.errands.later(key)
	}
}

// Vouched reports whether this edge knows of customers there.
func (r *Redis) Vouched(key netkey.Key, now time.Time) bool { return r.bans.vouchers.has(&key, now) }

// Forget makes the bucket of key full again here, and in the background in the
// store.
func (r *Redis) Forget(key netkey.Key) {
	r.table.forget(&key)
	r.shares.buckets.Invalidate(key)
	r.errands.add(func(t *todo) {
		if len(t.forget) < maxForgotten {
			t.forget = append(t.forget, key)
		}
	})
}
