package watch

import "github.com/theriac-edge/theriac/shop"

// Cause is what raises a shop's level.
type Cause struct {
	Why    Why
	Sign   Sign // by which strangers are unlike browsers
	Stream Stream
	Vector Vector
	Onset  int64 // the second in which it began, known when it is detected
}

// hold keeps a level: it rises at once and falls slowly. Its times are those of State.clock.
type hold struct {
	level    shop.Level
	heat     int64 // last sign of attack
	rose     int64
	fell     int64 // when level 2 was left, 0 if never
	relapses int
}

// step takes in what one second asks for, and reports whether the level rose.
func (h *hold) step(clock int64, need shop.Level, hot bool, set *Settings) (rose bool) {
	if hot || need > h.level {
		h.heat = clock
	}
	switch {
	case need > h.level:
		if h.level < shop.Attack && need >= shop.Attack {
			if h.fell > 0 && clock-h.fell < set.Relapse {
				h.relapses++
			} else {
				h.relapses = 0
			}
		}
		h.level, h.rose = need, clock
		return true
	case h.level > shop.Calm && clock-h.heat >= h.lasts(set):
		if h.level == shop.Attack {
			h.fell = clock
		}
		h.level--
		h.heat = clock
	}
	return false
}

// mostDoubled is how often a hold can double, whatever its bound.
const mostDoubled = 8

// lasts is how long the level lasts without a sign of attack.
func (h *hold) lasts(set *Settings) int64 {
	lasts := set.Hold[h.level]
	if h.level >= shop.Attack {
		lasts = min(lasts<<min(h.relapses, mostDoubled), max(lasts, set.MostHold))
	}
	return lasts
}

// Held is a level that is in force, as the next leader has to know it.
type Held struct {
	Level    shop.Level
	Since    int64 // when it was reached, by the clock that Step is given
	Relapses int
	Cause    Cause
}

// Held is the level that is in force.
func (st *State) Held() Held {
	return Held{Level: st.hold.level, Since: st.at - (st.clock - st.hold.rose), Relapses: st.hold.relapses, Cause: st.cause}
}

// TakeOver continues a level that another edge put in force, unless this one has come as far
// itself. Its hold begins anew.
func (st *State) TakeOver(now int64, in Held) {
	st.advance(now)
	level := min(in.Level, shop.Siege)
	st.hold.relapses = max(st.hold.relapses, min(in.Relapses, mostDoubled))
	if level <= st.hold.level {
		return
	}
	st.hold.level, st.hold.heat = level, st.clock
	st.hold.rose = st.clock - min(max(0, now-in.Since), st.clock)
	st.cause = in.Cause
	st.cause.Onset = min(st.cause.Onset, now)
}
