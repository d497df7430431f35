package watch

import "time"

// TierRate is how much a second controls must stop of a vector for that to be an attack.
const TierRate = 100

// TierRule finds attacks on the tier: each vector has a CUSUM of its own over what arrives. It
// asks for no level, since controls of packets and connections are always in force. It is for
// one goroutine, and the zero value is ready for use.
type TierRule [Vectors]tierSum

// TierSight is one vector in a second in which it is an attack.
type TierSight struct {
	Vector  Vector
	Onset   time.Time
	Arrived int
	Before  int // that arrived since the onset and were in no sight
	Stopped [Controls]int
}

// tierSum is the sum of one vector.
type tierSum struct {
	usual  float64 // a second
	sum    float64
	onset  time.Time // since when the sum is not 0
	before int
	active bool
}

// What is usual is noise: scans of ports, answers to what others send in our name. It is learned
// in about an hour. A flood multiplies it by e an hour at the most, and it never allows more than
// 4 × 1,000/s.
const (
	tierMultiple  = 4
	tierLearn     = 3600 // seconds
	mostTierUsual = 1000
)

// Step takes in a second, and returns the vectors that are attacks in it.
func (r *TierRule) Step(now time.Time, s *TierSecond) (sights []TierSight) {
	for v := range r {
		one := &r[v]
		stopped := 0
		for _, n := range s.Stopped[v] {
			stopped += n
		}
		if !one.step(now, s.Arrived[v], stopped) || s.Arrived[v] == 0 {
			continue
		}
		sights = append(sights, TierSight{
			Vector: Vector(v), Onset: one.onset, Arrived: s.Arrived[v], Before: one.before, Stopped: s.Stopped[v],
		})
		one.before = 0
	}
	return sights
}

// Hot reports whether there is a sign of an attack, which may come to nothing.
func (r *TierRule) Hot() bool {
	for v := range r {
		if r[v].sum > 0 {
			return true
		}
	}
	return false
}

// step adds up a second, and reports whether the vector is an attack. It becomes one when the sum
// exceeds half of what a second allows, while more than TierRate is stopped; it is one until the
// sum is 0.
func (t *tierSum) step(now time.Time, arrived, stopped int) bool {
	x, k := bound(arrived), max(TierRate, tierMultiple*t.usual)
	most := max(t.usual, TierRate)
	t.usual = min(t.usual+max(-most, min(x-t.usual, most))/tierLearn, mostTierUsual)
	if t.sum == 0 {
		if x <= k {
			return false
		}
		t.onset, t.before = now, 0
	}
	t.sum = max(0, min(t.sum+x-k, 2*k))
	switch {
	case t.sum == 0:
		t.active = false
	case t.active:
	case t.sum >= k/2 && stopped > TierRate:
		t.active = true
	default:
		t.before += arrived
	}
	return t.active
}
