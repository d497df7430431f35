package load

import (
	"math"
	"time"
)

// A Ramp paces a load whose rate changes evenly from From to To within Over, and
// then stays. It implements vegeta.Pacer, for one attack.
//
// The schedule does not wait for the target. What could not be sent within
// maxLate, because every client was waiting for an answer or the generator had no
// time, is not sent later in a burst: that would be another attack than the one that
// was asked for. Due less what was sent is what was missed.
type Ramp struct {
	From, To float64 // requests per second
	Over     time.Duration

	missed uint64 // requests that it was too late for
}

// maxLate is how late a request may be sent.
const maxLate = 100 * time.Millisecond

// Due is how many requests should have been sent by then.
func (r *Ramp) Due(elapsed time.Duration) float64 {
	t, over := elapsed.Seconds(), r.Over.Seconds()
	if t < over {
		return r.From*t + (r.To-r.From)*t*t/(2*over)
	}
	return (r.From+r.To)/2*over + r.To*(t-over)
}

// when is when so many requests should have been sent: the inverse of Due.
func (r *Ramp) when(hits float64) time.Duration {
	over := r.Over.Seconds()
	inRamp := (r.From + r.To) / 2 * over
	var t float64
	switch slope := (r.To - r.From) / max(over, 1e-9); {
	case hits >= inRamp:
		t = over + (hits-inRamp)/r.To
	case math.Abs(slope) < 1e-9:
		t = hits / r.From
	default:
		t = (math.Sqrt(r.From*r.From+2*slope*hits) - r.From) / slope
	}
	if !(t < time.Hour.Seconds()) { // also NaN, of a ramp that ends at zero
		return time.Hour
	}
	return time.Duration(t * float64(time.Second))
}

// Pace implements vegeta.Pacer. It sends at ticks, as loads of one rate do.
func (r *Ramp) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	passed := hits + r.missed
	if late := elapsed - maxLate; late > 0 {
		if due := uint64(r.Due(late)); due > passed {
			r.missed += due - passed
			passed = due
		}
	}
	next := (r.when(float64(passed+1)) + tick - 1) / tick * tick
	return max(next-elapsed, 0), false
}

// Rate implements vegeta.Pacer.
func (r *Ramp) Rate(elapsed time.Duration) float64 {
	if elapsed >= r.Over {
		return r.To
	}
	return r.From + (r.To-r.From)*elapsed.Seconds()/r.Over.Seconds()
}
