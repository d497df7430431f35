package watch

import "github.com/theriac-edge/theriac/shop"

// State is what is remembered of a shop, less than a kilobyte. The zero value is a calm shop.
//
// A State may be stepped over what all edges count, or over what one edge counts alone. The sums
// of the second are never above those of the first. So an edge may raise a level by its own share,
// which needs no message; it must not lower one by it, which is up to the edge that leads.
type State struct {
	at    int64 // the last second, as Step was given it
	clock int64 // seconds that passed: it does not run backwards, and not faster than the counts

	strangers [Streams]run
	through   [Streams]run // visitors with stamps; from level 2 on, all that is let through
	carpet    run

	ten    [10]float32 // strangers of the last ten seconds
	tenSum float64
	again  int64   // seconds in a row in which they were the same clients
	asked  float64 // challenges sent and
	solved float64 // solved of late
	health health
	strong float64 // seconds for which strangers have hurt the shop
	hold   hold
	cause  Cause // of the level
}

// Verdict is what the rule says after a second.
type Verdict struct {
	Level shop.Level // that is right; it includes what is held
	Need  shop.Level // what this second alone asks for
	Why   Why        // why Level was reached
	Now   Cause      // what this second shows, WhyNothing if it asks for no level
	Sick  bool       // the shop suffers
	Hot   bool       // there is a sign of attack in this second

	// Borne reports that the bots are no more than the shop is allowed in good health: they are
	// seen because it suffers.
	Borne bool

	// Carpet is the second since which more bots came than are usual, 0 if none did. It may be
	// too little for a level; at several shops at once it is a carpet.
	Carpet int64

	Vector Vector // of what raised Level
	Onset  int64  // the second in which that began
	Quiet  int64  // seconds since there was a sign of attack
	Left   int64  // seconds until Level falls, if none comes

	Stream    Stream  // to which the figures belong, the one nearest to its threshold
	Strangers float64 // a second, in the mean since the sum was last 0
	Usual     float64 // a second
	Allowance float64 // a second
	Sum       float64 // above the allowance, in all
	Threshold float64 // for Sum
	Distinct  int     // clients without a stamp or pass, in ten seconds
	Assets    float64 // for each dynamic request since then
}

// Idle reports whether seconds in which nothing comes need no Step.
func (st *State) Idle() bool {
	if st.hold.level > shop.Calm || st.tenSum > 0 || st.carpet.sum > 0 || !st.health.idle() {
		return false
	}
	for j := range Streams {
		if st.strangers[j].sum > 0 || st.through[j].sum > 0 {
			return false
		}
	}
	return true
}

// mostSeconds is how many seconds one Second may stand for, if an edge came late.
const mostSeconds = 10

// advance moves the clock to now and returns how many seconds the Second of now stands for. A
// shop that was idle was not stepped: nothing came in between. Otherwise the numbers of missing
// seconds are in this one. Where the clock was set back or stands, a second has passed.
func (st *State) advance(now int64) (seconds int64) {
	passed := now - st.at
	switch {
	case st.clock == 0: // the first
		st.clock = max(1, now-1)
		passed, seconds = 1, 1
	case passed <= 0:
		passed, seconds = 1, 1
	case st.Idle():
		seconds = 1
	default:
		passed = min(passed, mostSeconds)
		seconds = passed
	}
	for range min(passed, mostSeconds) {
		st.clock++
		st.ten[st.clock%int64(len(st.ten))] = 0
		st.health.skip(st.clock)
	}
	st.clock += max(0, passed-mostSeconds)
	st.at = now
	return seconds
}

// Step takes in the second that ended at now, in which usual was expected.
func (st *State) Step(now int64, sec *Second, usual *Expected, set *Settings) Verdict {
	var t tally
	t.take(sec, st.advance(now))
	st.ten[st.clock%int64(len(st.ten))] = float32(t.allStrangers)
	st.tenSum = 0
	for _, n := range st.ten {
		st.tenSum += float64(n)
	}
	st.asked += bound(sec.Asked) - st.asked/60
	st.solved += bound(sec.Solved) - st.solved/60
	st.health.step(st.clock, int64(t.seconds), &t, sec, usual)

	v := Verdict{Sick: st.health.was, Distinct: int(t.distinct)}
	d := decision{now: now, t: &t, usual: usual, set: set, hidden: bound(sec.Hidden)}
	st.judgeStrangers(&d, &v)
	st.judgeThrough(&d)
	st.judgeCarpet(&d, &v)

	if d.need > shop.Calm {
		d.cause.Vector = st.name(&d)
	}
	was, onset := st.hold.level, st.cause.Onset
	if st.hold.step(st.clock, d.need, d.hot, set) {
		st.cause = d.cause
		if was >= shop.Attack { // the same attack
			st.cause.Onset = onset
		} else if st.hold.level >= shop.Attack {
			for j := range st.through {
				st.through[j].forgive()
			}
		}
	}
	if st.hold.level == shop.Calm {
		st.cause = Cause{}
	}
	v.Level, v.Need, v.Hot, v.Now = st.hold.level, d.need, d.hot, d.cause
	v.Borne = d.need >= shop.Attack && !d.beyond
	v.Why, v.Vector, v.Onset = st.cause.Why, st.cause.Vector, st.cause.Onset
	if v.Level > shop.Calm {
		v.Quiet = st.clock - st.hold.heat
		v.Left = max(0, st.hold.lasts(set)-v.Quiet)
	}
	return v
}
