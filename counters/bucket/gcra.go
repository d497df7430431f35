package bucket

import (
	"math/bits"
	"time"
)

// The arithmetic is GCRA, the generic cell rate algorithm. All that a bucket
// remembers is tat, the time at which it will be full again. A token moves tat
// on by one interval; a key must wait while that would put tat further ahead
// of now than the whole burst is long. Everything is whole nanoseconds, and
// there is nothing to do between two calls.

// maxWindow keeps sums of times far from overflow: 208 days. A burst that takes
// longer to refill is cut to that.
const maxWindow = 1 << 54

// terms returns the limit as the arithmetic needs it: the time that one token
// costs, and the time that the whole burst costs.
func (l *Limit) terms() (every, window int64) {
	every = max(1, int64(l.Interval))
	hi, lo := bits.Mul64(uint64(every), uint64(max(1, l.Burst)))
	if hi != 0 || lo > maxWindow {
		return every, maxWindow
	}
	return every, int64(lo)
}

// until says how long a bucket has no token: 0 if there is one now.
func until(tat, now, every, window int64) int64 {
	return max(0, max(tat, now)+every-window-now)
}

// remaining says how many tokens of the given cost a bucket has now.
func remaining(tat, now, cost, window int64) int64 {
	return max(0, (now+window-max(tat, now))/cost)
}

// pay takes one token that costs the given time.
func (s *slot) pay(now, cost, window int64) Decision {
	s.tat = max(s.tat, now) + cost
	return Decision{Remaining: remaining(s.tat, now, cost, window), Refusals: s.refusals}
}

// refuse counts one more refusal, because of which the key must wait.
func (s *slot) refuse(lim *Limit, now, wait int64) Decision {
	s.refusals++
	s.strikes++
	s.punish(lim, now)
	d := Decision{Refusals: s.refusals, Penalized: s.penalty > now}
	d.Began = d.Penalized && s.begins(lim, now)
	d.Wait = time.Duration(max(wait, s.penalty-now))
	return d
}
