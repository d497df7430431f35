package bucket

// A row is a key's refusals, one after the other, with no time between them in
// which the bucket filled up. Patience refusals earn a penalty. Inside the
// penalty refusals are only counted: a visitor that presses reload a few times
// has waited enough when it is over, but Patience more of them earn the next
// penalty, twice as long.

// maxLevel bounds the doubling: eight times the first penalty.
const maxLevel = 3

// punish begins a penalty if the key has ignored enough refusals.
func (s *slot) punish(lim *Limit, now int64) {
	if lim.Patience == 0 || s.strikes < lim.Patience || s.penalty > now {
		return
	}
	s.penalty = now + lim.penalty(s.level)
	s.level = min(s.level+1, maxLevel)
	s.strikes = 0
}

// penalty is how long a key is refused that had so many penalties before.
func (l *Limit) penalty(level uint8) int64 {
	return min(int64(l.Penalty), maxWindow>>maxLevel) << level
}

// begins reports whether the penalty has begun at this very moment: all of it
// lies ahead.
func (s *slot) begins(lim *Limit, now int64) bool {
	ahead := s.penalty - now
	return s.level > 0 && ahead == lim.penalty(s.level-1) || s.level == maxLevel && ahead == lim.penalty(maxLevel)
}

// renew brings the slot up to date with the time: a penalty or a row that is
// over is forgotten, a penalty that was ignored is followed by the next.
// most is how far from full the bucket can be.
func (s *slot) renew(lim *Limit, now, most int64) {
	s.heal(lim, now, most)
	_, window := lim.terms()
	switch {
	case s.penalty > now:
	case now >= s.tat && now >= s.penalty+window: // quiet: the row is over
		s.refusals, s.strikes, s.level, s.penalty, s.met = 0, 0, 0, 0, lim.Spread
	case s.penalty != 0:
		s.penalty = 0
		if s.strikes < lim.Patience {
			s.strikes = 0
		}
		s.punish(lim, now)
	}
}

// heal bounds what a clock that ran backwards, or a limit that was made
// narrower, can do.
func (s *slot) heal(lim *Limit, now, most int64) {
	s.tat = min(s.tat, now+most)
	s.mine = min(s.mine, now+most)
	s.known = min(s.known, now+most)
	s.penalty = min(s.penalty, now+lim.penalty(s.level))
}

// wait says how long the key is refused as things stand: 0 if it may take.
func (s *slot) wait(now, every, window int64) int64 {
	return max(until(s.tat, now, every, window), s.penalty-now, 0)
}
