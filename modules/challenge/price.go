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
	home, away counters.Limit
}

// prices are by level. The page computes ten million hashes per second on each core of a
// desktop, and one to two million on all cores of an old telephone.
var prices = [shop.Levels]price{
	shop.Raised: {
		hashes: 1 << 17, solve: 2 * time.Minute, lasts: 12 * time.Hour, wait: 5 * time.Second,
		home: per10Minutes(600), away: per10Minutes(200),
	},
	shop.Attack: {
		hashes: 1 << 19, solve: 2 * time.Minute, lasts: time.Hour, wait: 10 * time.Second,
		home: per10Minutes(240), away: per10Minutes(80),
	},
	shop.Heavy: {
		hashes: 3 << 20, solve: 5 * time.Minute, lasts: 20 * time.Minute, wait: 20 * time.Second,
		home: per10Minutes(90), away: per10Minutes(30),
	},
	shop.Siege: {
		hashes: 3 << 22, solve: 5 * time.Minute, lasts: 10 * time.Minute, wait: 40 * time.Second,
		home: per10Minutes(40), away: per10Minutes(14),
	},
}

// waited is the budget of a pass for waiting: less than for any work, since waiting costs
// a machine nothing.
var waited = per10Minutes(20)

// remembered is the budget of a visitor that was a customer before the attack.
var remembered = per10Minutes(240)

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
