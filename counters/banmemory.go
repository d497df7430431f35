package counters

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Ban has somebody banned. One process is every edge, so it holds at once.
func (m *Memory) Ban(q BanRequest) error {
	now := time.Now()
	r, err := m.bans.admit(&q, now, false)
	if r != nil {
		r.asked = nil
		err = m.bans.hold(r)
	}
	if err != nil {
		return fmt.Errorf("counters: banning: %w", err)
	}
	return nil
}

// Unban lifts all bans of key.
func (m *Memory) Unban(key, client netkey.Key) {
	for _, r := range m.bans.lift(key, client, time.Now()) {
		m.bans.told(r)
	}
	m.bans.deliver()
}

// Banned returns the ban of key that holds at the shop.
func (m *Memory) Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool) {
	return m.bans.banned(&key, at, now)
}

// Bans are the bans that hold.
func (m *Memory) Bans() []ban.Ban { return m.bans.all(time.Now()) }

// ListenBans calls back with all bans, and from then on with each change.
func (m *Memory) ListenBans(call func(ban.Event)) (stop func()) { return m.bans.listen(call) }

// Vouch says that a customer came from the neighbourhood.
func (m *Memory) Vouch(key netkey.Key, now time.Time) { m.bans.vouchers.note(&key, now) }

// Vouched reports whether customers came from there lately.
func (m *Memory) Vouched(key netkey.Key, now time.Time) bool { return m.bans.vouchers.has(&key, now) }

// Forget makes the bucket of key full again.
func (m *Memory) Forget(key netkey.Key) { m.table.forget(&key) }
