package incident

import (
	"time"

	"github.com/theriac-edge/theriac/watch"
)

// The resolution of a series: each second of the first ten minutes, then ten seconds. A part
// that is full goes on at half its resolution.
const (
	finePoints   = 600
	coarsePoints = 360
	coarseEvery  = 10
)

// Series is what happened over time, in one or two parts that follow each other.
type Series struct {
	Fine   Part `json:"fine"`
	Coarse Part `json:"coarse,omitzero"`
}

// Part is a stretch of a series with one resolution. All columns have the same length; a point
// is the sum of its seconds or, for the level, the highest of them.
type Part struct {
	From  time.Time `json:"from"`
	Every int       `json:"every"` // seconds in a point

	Arrived   []int64 `json:"arrived"` // strangers; packets and connections of the tier
	Through   []int64 `json:"through"` // requests that reached the shop
	Customers []int64 `json:"customers"`
	Served    []int64 `json:"served"`
	Level     []int64 `json:"level"`

	// By name of the control; those that stopped nothing are missing.
	Stopped map[string][]int64 `json:"stopped,omitempty"`

	Filled int `json:"filled"` // seconds in the last point
}

// A point is what a series learns of one second.
type point struct {
	arrived, through, customers, served, level int64
	stopped                                    Stopped
}

// Points is how many points the part has.
func (p *Part) Points() int { return len(p.Arrived) }

// add appends the second at.
func (s *Series) add(at time.Time, p point) {
	if s.Fine.Points() == 0 {
		s.Fine.From, s.Fine.Every = at, 1
	}
	if s.Coarse.Points() == 0 && s.Fine.addTo(p, finePoints) {
		return
	}
	if s.Coarse.Points() == 0 {
		s.Coarse.From, s.Coarse.Every = at, max(coarseEvery, s.Fine.Every)
	}
	for !s.Coarse.addTo(p, coarsePoints) {
		s.Coarse.halve()
	}
}

// addTo adds the second to the last point, or to a new one if there is room for it.
func (p *Part) addTo(q point, room int) bool {
	if p.Points() == 0 || p.Filled >= p.Every {
		if p.Points() == room {
			return false
		}
		p.grow()
	}
	p.Filled++
	last := p.Points() - 1
	p.Arrived[last] += q.arrived
	p.Through[last] += q.through
	p.Customers[last] += q.customers
	p.Served[last] += q.served
	p.Level[last] = max(p.Level[last], q.level)
	for c, n := range q.stopped {
		if n == 0 {
			continue
		}
		name := watch.Control(c).String()
		if p.Stopped == nil {
			p.Stopped = map[string][]int64{}
		}
		if p.Stopped[name] == nil {
			p.Stopped[name] = make([]int64, p.Points(), max(cap(p.Arrived), p.Points()))
		}
		p.Stopped[name][last] += n
	}
	return true
}

// grow appends an empty point.
func (p *Part) grow() {
	for _, column := range p.columns() {
		*column = append(*column, 0)
	}
	for name := range p.Stopped {
		p.Stopped[name] = append(p.Stopped[name], 0)
	}
	p.Filled = 0
}

func (p *Part) columns() []*[]int64 {
	return []*[]int64{&p.Arrived, &p.Through, &p.Customers, &p.Served, &p.Level}
}

// halve makes one point of two.
func (p *Part) halve() {
	odd := p.Points()%2 == 1
	for _, column := range p.columns() {
		*column = halved(*column, column == &p.Level)
	}
	for name, column := range p.Stopped {
		p.Stopped[name] = halved(column, false)
	}
	if !odd {
		p.Filled += p.Every
	}
	p.Every *= 2
}

func halved(column []int64, highest bool) []int64 {
	for i := range (len(column) + 1) / 2 {
		column[i] = column[2*i]
		if 2*i+1 == len(column) {
			continue
		}
		if other := column[2*i+1]; highest {
			column[i] = max(column[i], other)
		} else {
			column[i] += other
		}
	}
	return column[:(len(column)+1)/2]
}

// leastPoints are left of a series in any case.
const leastPoints = 4

// shrink halves the resolution of the whole series, and reports whether there was something
// to gain by it.
func (s *Series) shrink() bool {
	if s.Fine.Points()+s.Coarse.Points() <= leastPoints {
		return false
	}
	s.Fine.halve()
	if s.Coarse.Points() > 0 {
		s.Coarse.halve()
	}
	return true
}
