package watch_test

import (
	"math"
	"math/rand/v2"

	"github.com/theriac-edge/theriac/watch"
)

// pollSeconds is how long the shop holds a long poll, until it answers that there is no news.
const pollSeconds = 30

// polls are requests of visitors' scripts that wait on purpose, one after the other as long as a
// visitor is there.
type polls struct {
	usual   float64 // how many wait at all times, in the mean of the year
	came    [pollSeconds]int
	waiting int
}

// hold lets new ones come and old ones end. They are answered later than any page.
func (p *polls) hold(r *rand.Rand, now int64, of *people, s *watch.Second) {
	if p.usual == 0 {
		return
	}
	visits := of.rate
	for _, c := range of.crowds {
		visits += c.rate(now)
	}
	at := now % pollSeconds
	ended, came := p.came[at], poisson(r, p.usual/pollSeconds*visits/of.size)
	p.came[at] = came
	p.waiting += came - ended
	s.Vouched[watch.Page] += came
	s.Through[watch.Page] += came
	s.Answered += ended
	s.Bad += ended
	s.Waiting += p.waiting
}

// zone is a limit of searches that an operator has set for the whole shop. The zero value is none.
type zone struct{ rate, burst, tokens float64 }

func (z *zone) full() bool { return z.tokens == z.burst }

// limit takes away the searches that do not fit.
func (z *zone) limit(searches *float64, s *watch.Second) (came float64) {
	if z.rate == 0 {
		return 0
	}
	came = *searches
	z.tokens = min(z.burst, z.tokens+z.rate)
	*searches = min(came, math.Floor(z.tokens))
	z.tokens -= *searches
	s.Crowded += int(came - *searches)
	return came - *searches
}
