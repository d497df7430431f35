package waf

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/shop"
)

// budget limits what the inspections of one shop take from the other shops: how many
// run at a time, and how much CPU time they use per second.
type budget struct {
	slots     chan struct{}
	strangers chan struct{} // slots that visitors take which nobody vouches for
	spenders  chan struct{} // slots of those among them that cost more than pages do
	time      *rate.Limiter // tokens are microseconds

	// The part of it that spenders, and bodies of strangers, have at each level; it counts
	// from Attack on.
	dear [shop.Levels]*rate.Limiter
}

// busyFor is the Retry-After of a request that found no slot.
const busyFor = 2 * time.Second

var inTwoSeconds = []string{"2"}

func newBudget(concurrency int, each caddy.Duration) *budget {
	micros := time.Duration(each).Microseconds()
	b := &budget{
		slots:     make(chan struct{}, max(concurrency, 1)),
		strangers: make(chan struct{}, max(concurrency/4, 1)), // by default as many as cores: all that they do is compute
		spenders:  make(chan struct{}, max(concurrency/8, 1)), // half of those
		time:      rate.NewLimiter(rate.Limit(micros), int(2*micros)),
	}
	b.divide((*shop.Table)(&shop.DefaultMeasures))
	return b
}

// divide sets what spenders and strangers have of the time, by the shop's table. The burst is
// what they have in two seconds.
func (b *budget) divide(table *shop.Table) {
	for level := range b.dear {
		part := float64(b.time.Limit()) * float64(table[level].Firewall) / 100
		b.dear[level] = rate.NewLimiter(rate.Limit(part), int(max(2*part, 1)))
	}
}

// patience returns how long a request waits for a slot, and how far the shop may
// overdraw its budget for it, in microseconds. Orders have priority over pages, customers
// over strangers, and partners over all. A notification has priority
// only if its sender is a partner: its address alone proves nothing.
func patience(v *shop.Visit) (wait time.Duration, overdraft float64) {
	switch {
	case v.Partner != nil:
		return 10 * time.Second, -1e18
	case v.Class != shop.Checkout && v.Class != shop.Cart && v.Class != shop.Account:
		if isTrusted(v) {
			return 2 * time.Second, -2e6
		}
		return 2 * time.Second, 0
	case isTrusted(v):
		return 5 * time.Second, -4e6
	}
	return 5 * time.Second, -2e6
}

// left returns how much of the budget is left, 1 if nothing was used; below 0 it is
// overdrawn.
func (b *budget) left() float64 { return b.time.Tokens() / float64(b.time.Burst()) }

// admit waits for a free slot, which release returns. Strangers have a quarter of the slots at
// the most, and spenders an eighth, so that nobody waits behind them. After a wait the time
// budget is checked again, since earlier requests have used some of it.
func (b *budget) admit(ctx context.Context, v *shop.Visit, spender bool) (release func(), ok bool) {
	wait, overdraft := patience(v)
	if b.time.Tokens() < overdraft {
		return nil, false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	queues := []chan struct{}{b.spenders, b.strangers, b.slots}
	switch {
	case isTrusted(v):
		queues = queues[2:]
	case !spender:
		queues = queues[1:]
	}
	waited, taken := false, 0
	release = func() {
		for _, queue := range queues[:taken] {
			<-queue
		}
	}
	for _, queue := range queues {
		select {
		case queue <- struct{}{}:
			taken++
			continue
		default:
		}
		waited = true
		select {
		case queue <- struct{}{}:
			taken++
		case <-timer.C:
			release()
			return nil, false
		case <-ctx.Done():
			release()
			return nil, false
		}
	}
	if waited && b.time.Tokens() < overdraft {
		release()
		return nil, false
	}
	return release, true
}

// spend charges the time of an inspection, even if that is more than is left.
func (b *budget) spend(took time.Duration) { reserve(b.time, took) }

func reserve(from *rate.Limiter, took time.Duration) {
	now := time.Now()
	for left := int(took.Microseconds()); left > 0; {
		n := min(left, from.Burst())
		from.ReserveN(now, n)
		left -= n
	}
}
