package watch_test

import (
	"math"
	"math/rand/v2"

	"github.com/theriac-edge/theriac/watch"
)

// bots are machines that act together: a crawler, a swarm of scrapers, an attack.
type bots struct {
	begin, end int64
	rate       func(since int64) float64 // requests a second, all together
	clients    float64
	streams    [watch.Streams]float64 // shares
	assets     float64                // for each request
	stamped    float64                // share of requests with a stamp that is old enough to vouch
	solving    float64                // share of clients that solve challenges

	tens   [10]float64 // strangers of the last ten seconds
	recent float64
	sent   float64 // at levels that challenge
	solved float64 // challenges: a pass lasts an hour
}

// The limits that single clients meet, in requests a second.
const (
	perClient   = 20.0 // always
	perStranger = 2.0  // from level 1 on
	suspicious  = 1.5  // of strangers from level 1 on: challenged
	perStamped  = 0.4  // at level 2, with an old stamp and without pass
)

// perPass is how many requests a second a client gets through that solves every challenge:
// proof of work is dearer at each level.
var perPass = [...]float64{2: 0.4, 3: 0.15, 4: 0.067}

// flood is what bots send in a second, and what of it the shop's limits and challenge let through.
type flood struct {
	strangers, vouched, through [watch.Streams]int
	assets                      int
	clients                     float64 // different strangers in ten seconds
	asked, solved               int
}

func (b *bots) send(r *rand.Rand, now int64, level int, f *flood) {
	n := float64(poisson(r, b.rate(now-b.begin)))
	bare, stamped := n*(1-b.stamped), n*b.stamped
	fromBare, fromStamped := b.through(bare, stamped, level)
	fromBare, fromStamped = fromBare/max(1, bare), fromStamped/max(1, stamped)
	strangers := 0
	for s, share := range b.streams {
		m := int(n*share + r.Float64())
		if share == 0 || m == 0 {
			continue
		}
		old := min(m, int(float64(m)*b.stamped+r.Float64()))
		through := int(float64(m-old)*fromBare + r.Float64())
		passes := 0
		if level >= 2 { // a solver comes back with a pass
			passes = through
			f.asked += m - old - passes
		}
		f.vouched[s] += old + passes
		f.strangers[s] += m - old - passes
		f.through[s] += through + int(float64(old)*fromStamped+r.Float64())
		strangers += m - old - passes
	}
	if level >= 2 {
		b.sent += n
		solved := math.Floor(b.clients * b.solving * (1 - math.Exp(-b.sent/b.clients)))
		f.solved += int(solved - b.solved)
		b.solved = solved
	}
	f.assets += poisson(r, n*b.assets)
	b.recent += float64(strangers) - b.tens[now%10]
	b.tens[now%10] = float64(strangers)
	f.clients += b.clients * (1 - math.Exp(-max(0, b.recent)/b.clients))
}

// through is how many of a second's requests without and with stamps reach the shop.
func (b *bots) through(bare, stamped float64, level int) (fromBare, fromStamped float64) {
	fits := min(1, perClient*b.clients/max(1, bare+stamped)) // a client's limit counts both
	bare, stamped = bare*fits, stamped*fits
	switch {
	case level >= 3: // at 3 and above stamps vouch for nobody
		solve := min(1, b.clients*b.solving*perPass[level]/max(1, (bare+stamped)*b.solving)) * b.solving
		return bare * solve, stamped * solve
	case level == 2:
		return min(bare*b.solving, b.clients*b.solving*perPass[level]), min(stamped, perStamped*b.clients)
	case level == 1 && bare/b.clients > suspicious:
		return perStranger * b.clients * b.solving, stamped
	case level == 1:
		return min(bare, perStranger*b.clients), stamped
	}
	return bare, stamped
}

// poisson draws how often something happens that happens m times in the mean.
func poisson(r *rand.Rand, m float64) int {
	if m <= 0 {
		return 0
	}
	if m > 50 {
		return max(0, int(m+math.Sqrt(m)*r.NormFloat64()+0.5))
	}
	n, least := 0, math.Exp(-m)
	for p := r.Float64(); p > least; p *= r.Float64() {
		n++
	}
	return n
}
