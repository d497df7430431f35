package watch_test

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/theriac-edge/theriac/watch"
)

// world is a shop with its people, the bots that visit it and the servers behind it. It is a
// closed loop: what the level stops does not reach the servers.
type world struct {
	*people
	backend
	polls polls

	now  int64 // seconds from a Monday, 0:00
	bots []*bots

	back   [watch.Streams]float64 // people that solved a challenge in the second before
	shared [10]float64            // addresses of strangers, people only, in the last ten seconds
	recent float64

	pages, asked, hurt float64 // of people: dynamic requests, challenged ones, badly served ones
	harm               bool    // whether people were badly served in the last second
}

// returning is the share of challenged people that solve it: all with script and cookies.
const returning = 0.95

func newWorld(seed uint64, size float64) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	return &world{people: newPeople(r, size), backend: newBackend(r, size)}
}

// second makes the next one at this level. Quiet is true if nothing at all goes on.
func (w *world) second(level int) (s watch.Second, quiet bool) {
	a := w.arrive(w.now, w.reload(w.now))
	w.recent += float64(a.clients) - w.shared[w.now%10]
	w.shared[w.now%10] = float64(a.clients)
	if a == (arrivals{}) && w.recent == 0 && len(w.bots) == 0 && w.polls.usual == 0 && w.idle() && w.back == [watch.Streams]float64{} {
		w.now++
		w.harm = false
		return s, true
	}

	var through [watch.Streams]float64
	people := 0.0
	for i := range a.strangers {
		back := w.round(w.back[i])
		w.back[i] = 0
		s.Strangers[i], s.Vouched[i] = int(a.strangers[i]), int(a.vouched[i])+back
		through[i] = float64(s.Vouched[i])
		if level >= 2 {
			w.back[i] = returning * float64(a.strangers[i])
			s.Asked += s.Strangers[i]
		} else {
			through[i] += float64(s.Strangers[i])
		}
		s.Solved += back
		s.Customers += s.Vouched[i]
		people += float64(s.Strangers[i] + s.Vouched[i])
	}
	w.pages, w.asked = w.pages+people, w.asked+float64(s.Asked)

	var f flood
	w.bots = slices.DeleteFunc(w.bots, func(b *bots) bool { return w.now >= b.end })
	for _, b := range w.bots {
		if b.begin <= w.now {
			b.send(w.rand, w.now, level, &f)
		}
	}
	for i := range f.through {
		s.Strangers[i] += f.strangers[i]
		s.Vouched[i] += f.vouched[i]
		through[i] += float64(f.through[i])
	}
	s.Assets = int(a.assets) + f.assets
	s.Asked += f.asked
	s.Solved += f.solved
	s.Stopped[watch.ByChallenge] = s.Asked
	s.Distinct = int(w.recent + f.clients + 0.5)

	harmed := w.serve(w.rand, w.now, through, &s)
	w.polls.hold(w.rand, w.now, w.people, &s)
	s.Served = int(float64(s.Customers) * (1 - harmed))
	w.hurt += harmed * people
	w.harm = harmed > 0
	w.now++
	return s, false
}

// round returns one of the integers beside x, so that the mean is x.
func (w *world) round(x float64) int { return int(x + w.rand.Float64()) }

// sizes are those of the 300 shops of a host, in visits a second: log-normal, 180 million
// visits a year in all.
func sizes() []float64 {
	const visits = 180e6 / (365 * day)
	r := rand.New(rand.NewPCG(99, 1))
	all, sum := make([]float64, 300), 0.0
	for i := range all {
		all[i] = math.Exp(1.3 * r.NormFloat64())
		sum += all[i]
	}
	for i := range all {
		all[i] *= visits / sum
	}
	return all
}
