package watch

import "time"

// TierSecond is what all edges together saw in one second of the vectors that belong to no
// shop.
type TierSecond struct {
	Arrived [Vectors]int // stopped and passed
	Stopped [Vectors][Controls]int
}

// TierEdges adds up what all edges report of the tier, as Edges does for shops: clocks are
// never compared, and messages may be lost, late, repeated or out of order.
//
// It is for one goroutine. The zero value is ready for use.
type TierEdges struct {
	tick      uint64
	edges     map[uint64]*tierEdge
	now, late tierRow
	spread    spread
}

type tierEdge struct {
	hearing
	scrubber uint64
	counters tierRow // that it said last
	seq      uint64  // when that was
}

// Take takes in a report that has arrived. The first of an edge is what the next ones are
// compared with.
func (e *TierEdges) Take(r *TierReport, arrived time.Time) {
	from := e.edges[r.Boot]
	if from == nil {
		if len(e.edges) == maxEdges {
			return
		}
		from = &tierEdge{hearing: firstHeard(r.Seq, e.tick, arrived)}
		if e.edges == nil {
			e.edges = map[uint64]*tierEdge{}
		}
		e.edges[r.Boot] = from
	}
	from.hear(r.Seq, e.tick, arrived)
	if from.seq >= r.Seq {
		return
	}
	now, was, comparable := r.Counts.row(), from.counters, from.seq > 0
	from.counters, from.seq, from.scrubber = now, r.Seq, r.Scrubber
	if !comparable || !difference(now[:], was[:]) {
		return
	}
	if e.isSecond(r, arrived) {
		for v := range Vectors {
			now[tierAt(Vector(v), ByScrub, 0)], now[tierAt(Vector(v), ByScrub, 1)] = 0, 0
		}
	}
	e.spread.add(e.now[:], e.late[:], now[:], from.late)
}

// isSecond reports whether another edge tells of the same dataplane: two on one machine do, and
// so do the old process and the new one during a restart. Of those that are heard, the one with
// the lowest Boot counts.
func (e *TierEdges) isSecond(r *TierReport, arrived time.Time) bool {
	if r.Scrubber == 0 {
		return false
	}
	for boot, other := range e.edges {
		if boot < r.Boot && other.scrubber == r.Scrubber && arrived.Sub(other.heard) < gaugesLast {
			return true
		}
	}
	return false
}

// Tick ends a second. What an edge counted while it was not heard is spread over as many
// seconds, ten at the most.
func (e *TierEdges) Tick(now time.Time) (s TierSecond) {
	e.tick++
	for boot, from := range e.edges {
		if now.Sub(from.heard) >= edgeLasts {
			delete(e.edges, boot)
		}
	}
	e.spread.share(e.now[:], e.late[:])
	for at, n := range e.now {
		v, by := at/2/Controls, at/2%Controls
		s.Arrived[v] += int(n)
		if at&1 == 0 {
			s.Stopped[v][by] += int(n)
		}
	}
	e.now = tierRow{}
	return s
}
