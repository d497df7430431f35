package watching

import (
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// see adds what happens at a shop in trouble.
func (j *judgment) see(s *watched) {
	if !s.Acts || !s.isInTrouble(j.at) {
		return
	}
	v := &s.verdict
	m := incident.Moment{
		Shop: s.ID, Level: s.Level.Level, Need: v.Need, Second: s.second, Sick: v.Sick, Hot: v.Hot,
		Wait: waited(&s.second), Campaign: j.w.campaign.nameFor(v),
	}
	if pin := s.Level.Pin; pin != nil {
		m.Need = max(m.Need, pin.Level)
	}
	if s.taken > 0 && j.at-s.taken < justTaken {
		m.Need = max(m.Need, s.Level.Watched) // another edge has detected it
	}
	if v.Hot && v.Level > shop.Calm {
		m.Sights = []incident.Sight{{Vector: vectorOf(v), Onset: time.Unix(v.Onset, 0)}}
	}
	m.Expected = s.expectedSecond()
	j.seen.Moments = append(j.seen.Moments, m)
}

// justTaken is for how many seconds a level that was taken over counts as asked for.
const justTaken = 5

// seeTier adds what happens to the tier, whose customers are those of all shops.
func (j *judgment) seeTier(m *incident.Moment) {
	if j.w.tierHot == 0 || j.at-j.w.tierHot >= int64(aftermath/time.Second) {
		return
	}
	m.Expected.Known = true
	for _, s := range j.w.shops {
		if !s.present {
			continue
		}
		m.Second.Customers += s.second.Customers
		m.Second.Served += s.second.Served
		m.Second.Orders += s.second.Orders
		expected := s.expectedSecond()
		m.Expected.Known = m.Expected.Known && expected.Known
		m.Expected.Customers += expected.Customers
		m.Expected.Orders += expected.Orders
	}
	j.seen.Moments = append(j.seen.Moments, *m)
}

// vectorOf is that of what this second shows or, where that is too little for a level, of what
// has raised it.
func vectorOf(v *watch.Verdict) watch.Vector {
	if v.Now.Why != watch.WhyNothing {
		return v.Now.Vector
	}
	return v.Vector
}

// waited estimates how long a request waits for its answer now: as many wait as come in that
// time (Little, 1961).
func waited(s *watch.Second) time.Duration {
	return time.Duration(float64(s.Waiting) / float64(max(1, s.Answered)) * float64(time.Second))
}

// leastLearned is from how many hours on a shop's customers are expected.
const leastLearned = 24

// expectedSecond is what customers usually do in a second at this time.
func (s *watched) expectedSecond() (e incident.Expected) {
	if s.baseline.Learned() < leastLearned {
		return e
	}
	e.Known, e.Orders = true, s.usual.Orders
	for j := range watch.Streams {
		e.Customers += max(0, s.usual.Through[j]-s.usual.Strangers[j])
	}
	return e
}
