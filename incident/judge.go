package incident

import "time"

// How customers must be served for an attack to count as mitigated.
const (
	WellServed   = 0.95 // of their requests: neither 5xx nor slow nor refused for the whole shop
	minArrived   = 0.5  // of the customers that are expected, where there are minExpected
	minExpected  = 20.0
	minCustomers = 10 // requests in a window, so that it can be judged
	minWindow    = 10 // seconds
	maxWindow    = 60 // to which it is stretched until it holds minCustomers
	maxPast      = 600
)

// A verdict is how customers were served in the window that begins at a second.
type verdict uint8

const (
	waits   verdict = iota // for more seconds
	well                   //
	badly                  //
	unknown                // too few customers in maxWindow
)

// A tick is what of one second counts.
type tick struct {
	customers, served int64
	expected          float64
	sick, acted       bool
	verdict           verdict
}

// isHarm reports whether the second was one of harm: as its customers saw it or, if there were
// none, as the shop did.
func (t *tick) isHarm() bool {
	if t.customers == 0 {
		return t.sick
	}
	return float64(t.served) < WellServed*float64(t.customers)
}

// A judge finds for each second the verdict on its window, and remembers some minutes of
// them: the onset of a vector is known only later.
type judge struct {
	from  time.Time // of the first tick
	ticks []tick
	next  int // the first that waits for its verdict
}

// add takes in the next second.
func (j *judge) add(at time.Time, t tick) {
	if len(j.ticks) == 0 {
		j.from = at
	}
	if len(j.ticks) == 2*maxPast {
		cut := len(j.ticks) - maxPast
		j.ticks = append(j.ticks[:0], j.ticks[cut:]...)
		j.from = j.at(cut)
		j.next = max(0, j.next-cut)
	}
	j.ticks = append(j.ticks, t)
}

func (j *judge) at(i int) time.Time { return j.from.Add(time.Duration(i) * time.Second) }

// decide returns the next verdict, and its second; false if it must wait.
func (j *judge) decide() (at time.Time, v verdict, ok bool) {
	if j.next == len(j.ticks) {
		return time.Time{}, waits, false
	}
	if v = j.verdictOn(j.next); v == waits {
		return time.Time{}, waits, false
	}
	j.ticks[j.next].verdict = v
	j.next++
	return j.at(j.next - 1), v, true
}

// verdictOn judges the shortest window from tick i on that holds enough customers. A shop counts
// as sick for some seconds after the last sign of it, so it must not be sick at the window's end.
func (j *judge) verdictOn(i int) verdict {
	var customers, served int64
	var expected float64
	for n := range maxWindow {
		if i+n == len(j.ticks) {
			return waits
		}
		t := &j.ticks[i+n]
		customers += t.customers
		served += t.served
		expected += t.expected
		if n+1 < minWindow || customers < minCustomers {
			continue
		}
		tooFew := expected >= minExpected && float64(customers) < minArrived*expected
		if t.sick || tooFew || float64(served) < WellServed*float64(customers) {
			return badly
		}
		return well
	}
	if expected >= minExpected { // they were expected, and could not come
		return badly
	}
	return unknown
}

// judged tells a vector the verdict on one of its seconds. A vector that never hurt a customer
// is effectively stopped from its onset on; a window in which customers fare badly while the
// attack goes on takes that back, once.
func (v *Vector) judged(at time.Time, w verdict) {
	if at.Before(v.Onset) || w == unknown || w == waits {
		return
	}
	v.Judged++
	switch {
	case w == badly && v.Fell.IsZero() && !at.After(v.LastHeat):
		v.Fell, v.Effective = at, time.Time{}
		v.CustomersAfter, v.ServedAfter = 0, 0
	case w == well && v.Effective.IsZero():
		v.Effective = at
	}
}

// tell passes a verdict on to a vector, and what customers fared since it is effective.
func (j *judge) tell(v *Vector, at time.Time, w verdict) {
	before := v.Effective
	v.judged(at, w)
	if v.Effective.IsZero() || v.Effective.Equal(before) {
		return
	}
	for i := int(v.Effective.Sub(j.from) / time.Second); i < len(j.ticks); i++ {
		v.CustomersAfter += j.ticks[i].customers
		v.ServedAfter += j.ticks[i].served
	}
}

// pass tells a vector one second as it passes.
func (v *Vector) pass(t *tick) {
	if !v.Over.IsZero() {
		return
	}
	if t.isHarm() {
		v.HarmSeconds++
	}
	if !v.Effective.IsZero() {
		v.CustomersAfter += t.customers
		v.ServedAfter += t.served
	}
}

// replay tells a vector the seconds since its onset, in which it had no name yet.
func (j *judge) replay(v *Vector) {
	for i := range j.ticks {
		at, t := j.at(i), &j.ticks[i]
		if at.Before(v.Onset) {
			continue
		}
		if t.isHarm() {
			v.HarmSeconds++
		}
		if v.Acted.IsZero() && t.acted {
			v.Acted = at
		}
		if i < j.next {
			j.tell(v, at, t.verdict)
		}
	}
}

// packedTick is a tick as a record has it: customers, served, expected in thousandths, and
// flags.
type packedTick [4]int64

const (
	packedSick  = 1
	packedActed = 2
)

// window returns what is not judged yet.
func (j *judge) window() (packed []packedTick) {
	for _, t := range j.ticks[j.next:] {
		p := packedTick{t.customers, t.served, int64(t.expected * 1000)}
		if t.sick {
			p[3] |= packedSick
		}
		if t.acted {
			p[3] |= packedActed
		}
		packed = append(packed, p)
	}
	return packed
}

// resume takes over a window that ends with the second until.
func (j *judge) resume(until time.Time, packed []packedTick) {
	*j = judge{from: until.Add(time.Second).Add(-time.Duration(len(packed)) * time.Second)}
	for _, p := range packed {
		j.ticks = append(j.ticks, tick{
			customers: p[0], served: p[1], expected: float64(p[2]) / 1000,
			sick: p[3]&packedSick != 0, acted: p[3]&packedActed != 0,
		})
	}
}
