package watch_test

import (
	"math"
	"math/rand/v2"

	"github.com/theriac-edge/theriac/watch"
)

// edges is what becomes of a second on its way from the edges to the rule.
type edges string

const (
	losing edges = "loss"  // one message in a hundred is lost; the next one of that edge makes up for it
	alone  edges = "third" // one of three edges sees its own clients only, and does not know that
	apart  edges = "apart" // the same without store: it knows that it sees a third
)

// attach puts the edges between the world and the rule.
func (e edges) attach(l *loop) {
	r := rand.New(rand.NewPCG(uint64(l.now), 11))
	switch e {
	case losing:
		l.view = losses(r)
	case alone:
		l.view = thirds(r)
	case apart:
		l.view = thirds(r)
		l.settings = l.settings.Share(3)
		l.share = 3
	}
}

// counters returns what is counted, besides the gauges.
func counters(s *watch.Second) []*int {
	all := []*int{&s.Assets, &s.Answered, &s.Bad, &s.Crowded, &s.Hidden, &s.Customers, &s.Served, &s.Asked, &s.Solved}
	for i := range watch.Streams {
		all = append(all, &s.Strangers[i], &s.Vouched[i], &s.Through[i])
	}
	return all
}

// losses are those of three edges: a counter's third comes a second late, a gauge's third
// stays what it was.
func losses(r *rand.Rand) func(*watch.Second) {
	var late, before watch.Second
	return func(s *watch.Second) {
		now := *s
		lost := 0
		for range 3 {
			if r.Float64() < 0.01 {
				lost++
			}
		}
		held := counters(&late)
		for i, n := range counters(s) {
			missing := *n * lost / 3
			*n += *held[i] - missing
			*held[i] = missing
		}
		s.Distinct += (before.Distinct - s.Distinct) * lost / 3
		s.Waiting += (before.Waiting - s.Waiting) * lost / 3
		before = now
	}
}

// thirds leave one in three of everything.
func thirds(r *rand.Rand) func(*watch.Second) {
	return func(s *watch.Second) {
		for _, n := range append(counters(s), &s.Distinct, &s.Waiting) {
			*n = binomial(r, *n, 1.0/3)
		}
	}
}

// binomial draws how many of n things happen that happen with this probability.
func binomial(r *rand.Rand, n int, p float64) (k int) {
	if n > 50 {
		mean := float64(n) * p
		return min(n, max(0, int(mean+math.Sqrt(mean*(1-p))*r.NormFloat64()+0.5)))
	}
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}
