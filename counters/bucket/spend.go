package bucket

import (
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// An edge decides by its own sight of a bucket: what the store knew at the
// last settlement, and what was spent here since. What other edges spent since
// then comes to light with the next settlement and is paid back by refusals.

// Take takes one token. It never waits for the store.
func (r *Shared) Take(key netkey.Key, lim *Limit, now time.Time) Decision {
	set := r.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	at := r.table.at(now)
	return r.spend(r.table.claim(set, &key, lim, at), lim, now, at)
}

// spend is Take on a slot whose set is locked.
func (r *Shared) spend(s *slot, lim *Limit, now time.Time, at int64) Decision {
	every, window := lim.terms()
	nodes := r.tier.Edges()
	slack := lim.slack(nodes)
	s.renew(lim, at, farthest(window, nodes))
	wait := s.wait(at, every, window)
	isFull, isCutOff := int64(s.owed) >= slack, r.tier.IsCutOff(partition(&s.key))
	switch {
	case wait > 0:
	case r.tier.Lost() || isCutOff || isFull && (s.alone || r.tier.IsFailing(partition(&s.key))):
		wait, s.alone = r.fallback.take(s, lim, nodes, now, at), true
	case isFull:
		wait = int64(settleGap)
	}
	var d Decision
	if wait > 0 {
		d = s.refuse(lim, at, wait)
	} else {
		d = s.pay(at, s.cost(every, window, nodes), window)
		s.owe(at, every, slack)
	}
	if !s.asked && !isCutOff && s.scarce(at, window, slack, wait > 0) {
		s.asked = r.ask(s.key, lim)
	}
	return d
}

// farthest is how far from full a bucket can be that the given number of edges
// spends from: each of them may use up the whole burst, and a second's worth
// of tokens, before it has settled any of it.
func farthest(window, nodes int64) int64 { return (1 + nodes) * (window + int64(time.Second)) }

// slack is how many tokens one edge may owe the store.
func (l *Limit) slack(nodes int64) int64 {
	if l.Slack > 0 {
		return l.Slack
	}
	s := l.Burst
	if l.Spread {
		s /= nodes
	}
	return max(1, s, 2*int64(settleGap)/max(1, int64(l.Interval)))
}

// cost is what one token costs at this edge until the next settlement. Where
// other edges spend from the same bucket, this one assumes that each of them
// spends as much as itself: so they keep to the rate together. It would starve
// a key whose whole window is over before they have settled.
func (s *slot) cost(every, window, nodes int64) int64 {
	if s.met && window >= nodes*int64(settleGap) {
		return every * nodes
	}
	return every
}

// owe notes that one more token was spent and is not settled. A debt beyond
// the slack, as it grows while the store is lost, is forgiven.
func (s *slot) owe(at, every, slack int64) {
	s.owed = int32(min(int64(s.owed)+1, slack, maxOwed))
	s.mine = max(s.mine, at) + every
}

// maxOwed is the most that fits in a slot.
const maxOwed = 1<<31 - 1

// scarce reports whether it is time to settle: the bucket is half empty, or
// half of the slack is used up. One token alone is not worth a settlement
// unless it led to a refusal, so an address that comes once never reaches the
// store.
func (s *slot) scarce(at, window, slack int64, refused bool) bool {
	if refused {
		return s.owed > 0
	}
	return s.owed > 1 && (2*(s.tat-at) > window || 2*int64(s.owed) > slack)
}

// latency is by how much two settlements may differ without meaning anything.
const latency = 2 * time.Millisecond

// learn corrects the slot's sight of its bucket, which after the settlement of
// d was full at tat. A store that forgot what it knew is not believed.
func (s *slot) learn(d debt, tat, every, cost int64) {
	charge := d.spent * every
	alone := max(s.known, d.since) + charge
	tat = max(tat, s.known+charge)
	others := tat-alone > every/2+int64(latency)
	s.owed = int32(max(0, int64(s.owed)-d.spent))
	if others || s.met {
		s.tat = tat + int64(s.owed)*cost
	}
	s.known, s.met, s.asked = tat, others, false
}
