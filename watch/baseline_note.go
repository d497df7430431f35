package watch

import "github.com/theriac-edge/theriac/shop"

// hour is what came since the last one ended.
type hour struct {
	strangers, through             [Streams]float64
	seconds, calm                  int32 // that count, and of these at level 0
	assets, dynamic, carts, orders float64
	waiting, passed                float64
	held                           float64 // the sum over tens of seconds
	bad, crowded                   float64
	ten                            ten
}

// ten are up to ten seconds.
type ten struct {
	seconds, well    int32 // of these in health
	dynamic, through float32
	least            float32 // that waited at all times
	waiting, passed  float32 // in health
}

// Note takes in one second, and what was decided in it.
func (b *Baseline) Note(sec *Second, level shop.Level, sick, announced bool) {
	if level >= shop.Attack || announced {
		return
	}
	var t tally
	t.take(sec, 1)
	n := &b.now
	n.seconds++
	for j := range Streams {
		n.strangers[j] += t.strangers[j]
		n.through[j] += t.through[j]
	}
	if level == shop.Calm {
		n.assets += t.assets
		n.dynamic += t.dynamic
		n.carts += t.carts
		n.orders += bound(sec.Orders)
		n.bad += bound(sec.Bad)
		n.crowded += bound(sec.Crowded)
		n.calm++
	}
	if n.ten.take(&t, float32(bound(sec.Waiting)), sick) {
		b.noteTen(level, sick)
	}
}

// take takes in one second, and reports whether ten are full.
func (n *ten) take(t *tally, waiting float32, sick bool) bool {
	if n.seconds == 0 {
		n.least = waiting
	}
	n.seconds++
	n.dynamic += float32(t.dynamic)
	n.through += float32(t.allThrough)
	n.least = min(n.least, waiting)
	if !sick {
		n.waiting += waiting
		n.passed += float32(t.allThrough)
		n.well++
	}
	return n.seconds == 10
}

// noteTen takes in ten seconds. Requests that all of them found waiting, and longer than any shop
// takes, wait on purpose; what else waited says how long an answer takes.
func (b *Baseline) noteTen(level shop.Level, sick bool) {
	n := &b.now
	held := max(0, n.ten.least-mostWaiting*n.ten.through/10)
	n.waiting += float64(max(0, n.ten.waiting-held*float32(n.ten.well)))
	n.passed += float64(n.ten.passed)
	if level == shop.Calm {
		n.held += float64(held)
		if !sick {
			b.best = max(b.best, float64(n.ten.dynamic)/10)
		}
	}
	n.ten = ten{}
}

// Quiet is Note for so many seconds in which nothing came.
func (b *Baseline) Quiet(seconds int) {
	b.now.seconds += int32(max(0, seconds))
	b.now.calm += int32(max(0, seconds))
}
