package watch

// health is whether the shop suffers, whoever is to blame.
type health struct {
	bad, answered, crowded, through [5]float32 // of the last five seconds
	slow                            int64      // seconds in a row in which requests waited too long
	ill                             bool       // in this second
	well                            int64      // seconds since it was
	was                             bool       // ill at some time, and not well for wellAfter
}

const (
	wellAfter    = 5   // seconds without a sign
	forgiven     = 30  // seconds without a sign, after which the patience is there again
	leastBad     = 3   // answers in five seconds
	leastCrowded = 3   // requests in five seconds
	badPart      = 0.3 // of the answers
	leastWaiting = 8   // requests
	slowFor      = 3   // seconds
	timesUsual   = 4   // of what is bad, crowded or waits
	timesHeld    = 3   // of requests that wait on purpose: more visitors hold more
)

// step takes in one second.
//
// Little's law: requests that wait, divided by those that come in each second, are the seconds
// that one waits. A shop that hangs answers nothing, so its answer times stay fine; this does not.
//
// What is usual is no sign: long polls wait on purpose and are answered late, and a zone that an
// operator made for the whole shop may refuse some requests every day.
func (h *health) step(clock, seconds int64, t *tally, sec *Second, usual *Expected) {
	i := clock % int64(len(h.bad))
	h.bad[i], h.answered[i] = float32(bound(sec.Bad)), float32(bound(sec.Answered))
	h.crowded[i], h.through[i] = float32(bound(sec.Crowded)), float32(t.allThrough)
	var bad, answered, crowded, through float32
	for j := range h.bad {
		bad, answered, crowded, through = bad+h.bad[j], answered+h.answered[j], crowded+h.crowded[j], through+h.through[j]
	}
	rate := max(0.2, float64(through)/float64(len(h.through)))
	waiting := bound(sec.Waiting) - timesHeld*usual.Held
	if waiting > leastWaiting && waiting > max(1, timesUsual*usual.Waiting)*rate {
		h.slow++
	} else {
		h.slow = 0
	}
	usually := timesUsual * float32(len(h.bad)) // in five seconds, by what is usual in one
	h.ill = bad >= max(leastBad, usually*float32(usual.Bad)) && bad >= badPart*answered ||
		crowded >= max(leastCrowded, usually*float32(usual.Crowded)) || h.slow >= slowFor
	if h.ill {
		h.well, h.was = 0, true
		return
	}
	h.well += seconds
	if h.well > wellAfter {
		h.was = false
	}
}

// skip forgets a second for which there are no numbers.
func (h *health) skip(clock int64) {
	i := clock % int64(len(h.bad))
	h.bad[i], h.answered[i], h.crowded[i], h.through[i] = 0, 0, 0, 0
}

func (h *health) idle() bool { return !h.was && h.slow == 0 }
