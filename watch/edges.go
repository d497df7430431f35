package watch

import (
	"math"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Edges adds up what all edges report. Clocks of edges are never compared: what an edge has
// counted since its report before belongs to the second in which the report arrives. Messages
// may be lost, late, repeated or out of order, and edges may start again, come and go.
//
// It is for one goroutine.
type Edges struct {
	own   uint64
	tick  uint64 // how many there were
	edges map[uint64]*edge
	index map[shop.ID]int
	shops []shopSums

	allNow, ownNow Second
}

const (
	maxEdges    = 128
	gaugesLast  = 3 * time.Second // after the last report of an edge
	edgeLasts   = 10 * time.Second
	longestLate = 10 // ticks over which late counts are spread
)

// edge is what is known of a process.
type edge struct {
	node string
	hearing
	cells []cell // by the index of the shop
}

// hearing is when the reports of a process came.
type hearing struct {
	first, last uint64 // Seq of its reports
	heard       time.Time
	tick        uint64 // in which it was heard last
	late        uint64 // how many seconds are in what it says in this tick
}

func firstHeard(seq, tick uint64, arrived time.Time) hearing {
	return hearing{first: seq, heard: arrived, tick: tick, late: 1}
}

// hear takes in that a report has come.
func (h *hearing) hear(seq, tick uint64, arrived time.Time) {
	if seq < h.last {
		return
	}
	if h.tick != tick {
		silent := arrived.Sub(h.heard).Round(time.Second)
		h.late, h.tick = uint64(min(max(1, silent/time.Second), longestLate)), tick
	}
	h.last, h.heard = seq, arrived
}

// cell is what an edge said last of a shop; seq 0 is nothing. Of a counter the lower half is
// enough to know by how much it has grown.
type cell struct {
	seq      uint64
	counters [flatLen]uint32
}

// shopSums are what all edges, and this one, have counted of a shop.
type shopSums struct {
	id       shop.ID
	all, own sum
}

// sum is what was counted since the last tick, and what is to be told in the next ones.
type sum struct {
	now    flat
	late   *flat // nil: nothing
	spread spread
	carry  [Streams]int
}

// spread is over how many ticks what came late is told.
type spread uint64

// NewEdges adds up for the edge whose reports have that Boot.
func NewEdges(own uint64) *Edges {
	return &Edges{own: own, edges: map[uint64]*edge{}, index: map[shop.ID]int{}}
}

// Take takes in a report that has arrived. An edge gives its own as soon as they are made;
// when it hears them again, they count as repeated. The first report of an edge, and the
// first after ten seconds of silence, is what the next ones are compared with.
func (e *Edges) Take(r *Report, arrived time.Time) {
	from := e.edges[r.Boot]
	if from == nil {
		if len(e.edges) == maxEdges {
			return
		}
		from = &edge{node: r.Node, hearing: firstHeard(r.Seq, e.tick, arrived)}
		e.edges[r.Boot] = from
	}
	from.hear(r.Seq, e.tick, arrived)
	for i := range r.Shops {
		if at, ok := e.indexOf(r.Shops[i].Shop); ok {
			e.takeShop(from, r, at, r.Shops[i].Counts.flat())
		}
	}
}

// takeShop adds what was counted since the last report of the shop.
func (e *Edges) takeShop(from *edge, r *Report, at int, now flat) {
	for len(from.cells) <= at {
		from.cells = append(from.cells, cell{})
	}
	c := &from.cells[at]
	if c.seq >= r.Seq {
		return
	}
	// An edge that is known since its start has told of every shop: what is new began at 0.
	comparable := c.seq > 0 || from.first == 1 && r.Seq > 1
	c.seq = r.Seq
	if !c.replace(&now) || !comparable {
		return
	}
	e.shops[at].all.add(&now, from.late)
	if r.Boot == e.own {
		e.shops[at].own.add(&now, from.late)
	}
}

// replace takes in the counters of a shop, and makes of them what was counted since the ones
// before. It is false if one went back: then they were begun anew, and count from now on.
func (c *cell) replace(counters *flat) bool {
	grown := true
	for i, n := range counters {
		since := uint32(n) - c.counters[i]
		c.counters[i] = uint32(n)
		switch {
		case isGauge(i):
			counters[i] = 0
		case since > math.MaxInt32:
			grown = false
		default:
			counters[i] = uint64(since)
		}
	}
	return grown
}

// most bounds what one report can add to a counter, so that sums do not overflow.
const most = math.MaxInt64 >> 16

// difference makes of counters what was counted since was. It is false if one went back: then
// they were begun anew, and count from now on.
func difference(counters, was []uint64) bool {
	for i := range counters {
		if counters[i] < was[i] {
			return false
		}
		counters[i] = min(counters[i]-was[i], most)
	}
	return true
}

// add adds what was counted in so many seconds.
func (s *spread) add(now, late, counted []uint64, seconds uint64) {
	to := now
	if seconds > 1 {
		to, *s = late, max(*s, spread(seconds))
	}
	for i, n := range counted {
		to[i] += n
	}
}

// share adds to now what of late belongs to this second.
func (s *spread) share(now, late []uint64) {
	if *s == 0 {
		return
	}
	for i, n := range late {
		part := n / uint64(*s)
		now[i] += part
		late[i] -= part
	}
	*s--
}

func (s *sum) add(counted *flat, seconds uint64) {
	if seconds <= 1 {
		s.spread.add(s.now[:], nil, counted[:], seconds)
		return
	}
	if s.late == nil {
		s.late = new(flat)
	}
	s.spread.add(s.now[:], s.late[:], counted[:], seconds)
}

// end ends a second.
func (s *sum) end(second *Second) {
	if s.late != nil {
		if s.spread.share(s.now[:], s.late[:]); s.spread == 0 {
			s.late = nil
		}
	}
	s.now.second(second, &s.carry)
	s.now = flat{}
}

// indexOf returns where the shop is, and false if there is no room for another.
func (e *Edges) indexOf(id shop.ID) (int, bool) {
	at, ok := e.index[id]
	if !ok && len(e.shops) < MaxShops {
		at, ok = len(e.shops), true
		e.index[id] = at
		e.shops = append(e.shops, shopSums{id: id})
	}
	return at, ok
}

// Tick ends a second. It calls back with each known shop, with the second of all edges
// together and with this edge's own, which are good until the call returns.
//
// After an edge was not heard for a few seconds, what it counted meanwhile is spread over as
// many: it was no burst.
func (e *Edges) Tick(now time.Time, each func(id shop.ID, all, own *Second)) {
	e.tick++
	for boot, from := range e.edges {
		switch silent := now.Sub(from.heard); {
		case silent >= edgeLasts:
			delete(e.edges, boot)
		case silent < gaugesLast:
			e.addGauges(from, boot == e.own)
		}
	}
	for i := range e.shops {
		s := &e.shops[i]
		s.all.end(&e.allNow)
		s.own.end(&e.ownNow)
		each(s.id, &e.allNow, &e.ownNow)
	}
}

// Nodes returns the names of the edges that were heard of late, sorted.
func (e *Edges) Nodes() []string {
	names := make([]string, 0, len(e.edges))
	for _, from := range e.edges {
		names = append(names, from.node)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// addGauges adds the gauges of an edge. A shop of which the last two reports have said
// nothing has gauges of 0, for any other is told.
func (e *Edges) addGauges(from *edge, own bool) {
	for i := range from.cells {
		c, s := &from.cells[i], &e.shops[i]
		if c.seq == 0 || c.seq+1 < from.last {
			continue
		}
		for _, at := range [...]int{atWaiting, atDistinct} {
			s.all.now[at] += uint64(c.counters[at])
			if own {
				s.own.now[at] += uint64(c.counters[at])
			}
		}
	}
}
