package bans

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed admit.lua
var admitLua string

// admission is the list as the map asks it. See replica.Admission.
type admission List

var _ replica.Admission = (*admission)(nil)

// claim is what the admission needs to know of a request.
type claim struct {
	subnet    netkey.Key
	at        shop.ID
	perMinute int
}

// Script returns the part of set.lua that checks bans, and its keys.
func (a *admission) Script() (lua string, keys []string) {
	return admitLua, []string{protectedKey, tier.Key("bans:minute")}
}

// Args are the arguments of admit.lua.
func (a *admission) Args(of any) []string {
	c, ok := of.(*claim)
	if !ok {
		return make([]string, 3)
	}
	return []string{keyText(&c.subnet), string(c.at), strconv.Itoa(c.perMinute)}
}

// Check refuses what this edge knows to be in vain.
func (a *admission) Check(of any, now time.Time) error {
	c := of.(*claim)
	switch {
	case a.protected.has(&c.subnet, now):
		return ErrProtected
	case !a.quota.take(c.at, c.perMinute, now):
		return ErrCapped
	}
	return nil
}

// Refused remembers why the store refused a ban.
func (a *admission) Refused(of any, answer string, now time.Time) error {
	c, asked := of.(*claim)
	reason, left, _ := strings.Cut(answer, " ")
	why := ErrFull
	switch reason {
	case "protected":
		why = ErrProtected
		if ms, err := strconv.ParseInt(left, 10, 64); err == nil && asked {
			a.protected.learn(&c.subnet, now, time.Duration(min(ms, protectedLife.Milliseconds()))*time.Millisecond)
		}
	case "capped":
		why = ErrCapped
		if asked {
			a.quota.exhaust(c.at, c.perMinute, now)
		}
	}
	return (*List)(a).count(why)
}

// Publish tells the store where customers came from.
func (a *admission) Publish(everything bool) { a.protected.publish(everything) }

// quota counts the bans that each shop asks for at this edge in the present minute.
// With Redis its own counts hold; these only spare it questions whose answer is
// known.
type quota struct {
	mu     sync.Mutex
	minute int64
	made   map[shop.ID]int // as many as there are shops
}

// take takes one of the bans that the shop may make in this minute.
func (q *quota) take(at shop.ID, perMinute int, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begin(now)
	if q.made[at] >= perMinute {
		return false
	}
	q.made[at]++
	return true
}

// exhaust notes that the store will refuse the shop until the minute is over.
func (q *quota) exhaust(at shop.ID, perMinute int, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.begin(now)
	q.made[at] = max(q.made[at], perMinute)
}

// begin forgets the minute before. The caller holds the lock.
func (q *quota) begin(now time.Time) {
	if minute := now.Unix() / 60; minute != q.minute || q.made == nil {
		q.minute, q.made = minute, map[shop.ID]int{}
	}
}
