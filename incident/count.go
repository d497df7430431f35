package incident

import (
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// count adds a second to the shop's sums, its series and its vectors.
func (s *Shop) count(at time.Time, m *Moment) {
	s.fill(at)
	t := m.tick()
	s.judge.add(at, t)
	s.Series.add(at, m.point())
	s.Level, s.TopLevel = int(m.Level), max(s.TopLevel, int(m.Level))
	for c, n := range m.stopped() {
		s.Stopped[c] += n
	}
	sec := &m.Second
	s.Customers.Requests += int64(sec.Customers)
	s.Customers.Bad += int64(sec.Customers - sec.Served)
	s.Customers.Asked += int64(sec.Asked)
	s.Customers.CameBack += int64(sec.Solved)
	s.Customers.Lost += int64(sec.Gone)
	s.Orders.Placed += int64(sec.Orders)
	if m.Expected.Known {
		s.Orders.Expected += m.Expected.Orders
	} else {
		s.Orders.Unknown++
	}
	s.Health.WorstWait = max(s.Health.WorstWait, m.Wait.Milliseconds())
	if m.Sick {
		s.Health.SickSeconds++
	}
	for _, v := range s.Vectors {
		v.pass(&t)
	}
}

// fill puts empty seconds where none were counted, so that a series keeps its time. They are
// few: a gap of quietTime ends an incident.
func (s *Shop) fill(at time.Time) {
	next := s.judge.at(len(s.judge.ticks))
	if s.judge.from.IsZero() || !at.After(next) {
		return
	}
	for gap := next; gap.Before(at); gap = gap.Add(time.Second) {
		s.judge.add(gap, tick{})
		s.Series.add(gap, point{level: int64(s.Level)})
	}
}

// see takes in one vector's second.
func (st *state) see(at time.Time, m *Moment, sight *Sight) {
	name := sight.Vector.String()
	v := st.shop.vector(name)
	if v == nil {
		if v = st.name(at, m, sight); v == nil {
			return
		}
	}
	arrived := int64(sight.Arrived)
	if arrived == 0 && m.Shop != "" {
		arrived = int64(m.strangers())
	}
	v.LastHeat, v.Over = at, time.Time{}
	v.Arrived += arrived
	v.Peak = max(v.Peak, arrived)
	if v.Acted.IsZero() && m.acted(sight) {
		v.Acted = at
	}
}

func (s *Shop) vector(name string) *Vector {
	for _, v := range s.Vectors {
		if v.Vector == name {
			return v
		}
	}
	return nil
}

// name begins with a vector: with the seconds since its onset, which have passed.
func (st *state) name(at time.Time, m *Moment, sight *Sight) *Vector {
	name := sight.Vector.String()
	if len(st.shop.Vectors) == maxVectors || st.rec.vectors() == maxAllKinds {
		if !st.leftOut[name] {
			if st.leftOut == nil {
				st.leftOut = map[string]bool{}
			}
			st.leftOut[name] = true
			st.rec.LeftOut++
		}
		return nil
	}
	v := &Vector{
		Vector: name, Onset: st.onset(at, sight), Detected: at, LastHeat: at, Arrived: int64(sight.Before),
		Prepared: m.Need < shop.Attack && sight.isPrepared(),
	}
	st.shop.judge.replay(v)
	st.shop.Vectors = append(st.shop.Vectors, v)
	st.rec.Onset = Earlier(st.rec.Onset, v.Onset)
	return v
}

func (r *Record) vectors() (n int) {
	for _, s := range r.Shops {
		if s != nil { // as an unchecked one may be
			n += len(s.Vectors)
		}
	}
	return n
}

// settle passes the verdicts that are due on to the vectors.
func (r *Recorder) settle(st *state) {
	for {
		at, w, ok := st.shop.judge.decide()
		if !ok {
			return
		}
		for _, v := range st.shop.Vectors {
			before := v.Effective
			st.shop.judge.tell(v, at, w)
			if !v.Effective.IsZero() && !v.Effective.Equal(before) {
				r.changed(Effective, st.rec, st.shop.ID, v.Vector)
			}
		}
	}
}
