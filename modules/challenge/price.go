package challenge

import (
	"math"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// price is the work of one level, and what a visitor gets for it.
type price struct {
	hashes float64       // SHA-256 hashes that the work takes on average
	solve  time.Duration // how long a challenge is valid
	lasts  time.Duration // how long the pass is valid
	wait   time.Duration // what a visitor without JavaScript waits instead

	// Requests in ten minutes: from the subnet that earned the pass, and from all others
	// together, such as the same client after its address has changed.
	home, away allowance
}

// allowance is how many requests a pass is worth: half as many if it was earned at a lower
// level than the shop's.
type allowance struct{ whole, half counters.Limit }

func inTenMinutes(n int64) allowance {
	return allowance{whole: per10Minutes(n), half: per10Minutes(n / 2)}
}

// prices are by level. The page computes ten million hashes per second on each core of a
// desktop, and one to two million on all cores of an old telephone.
var prices = [shop.Levels]price{
	shop.Raised: {
		hashes: 1 << 17, solve: 2 * time.Minute, lasts: 12 * time.Hour, wait: 5 * time.Second,
		home: inTenMinutes(600), away: inTenMinutes(200),
	},
	shop.Attack: {
		hashes: 1 << 19, solve: 2 * time.Minute, lasts: time.Hour, wait: 10 * time.Second,
		home: inTenMinutes(240), away: inTenMinutes(80),
	},
	shop.Heavy: {
		hashes: 3 << 20, solve: 5 * time.Minute, lasts: 20 * time.Minute, wait: 20 * time.Second,
		home: inTenMinutes(90), away: inTenMinutes(30),
	},
	shop.Siege: {
		hashes: 3 << 22, solve: 5 * time.Minute, lasts: 10 * time.Minute, wait: 40 * time.Second,
		home: inTenMinutes(40), away: inTenMinutes(14),
	},
}

// waited is the budget of a pass for waiting: less than for any work, since waiting costs
// a machine nothing.
var waited = inTenMinutes(20)

// remembered is the budget of a visitor that was a customer before the attack, in the subnet
// where it was on the same day, and elsewhere.
var remembered, rememberedAway = per10Minutes(240), per10Minutes(80)

func per10Minutes(n int64) counters.Limit {
	return counters.Limit{Interval: 10 * time.Minute / time.Duration(n), Burst: n, Slack: max(1, n/4)}
}

const (
	maxRise = 4       // how many times the price is raised
	maxWork = 3 << 23 // hashes; more would take an old telephone longer than a customer waits
)

// work is the price in hashes, raised by half for each rise.
func (p *price) work(rise uint8) float64 {
	return math.Min(p.hashes*math.Pow(1.5, float64(rise)), maxWork)
}
