package incident

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// noon is when stories begin.
var noon = time.Date(2026, time.November, 29, 10, 40, 0, 0, time.UTC)

// A wave is one attack of a story, in seconds since its begin. Harm is from hurts to heals;
// what it shows is known from detected on.
type wave struct {
	shop            shop.ID
	vector          watch.Vector
	from, to        int // both included
	detected        int
	rate            int
	hurts, heals    int // zero: customers notice nothing
	stops           watch.Control
	stopsFrom       int
	prepared        bool // level stays 0: a control stops it
	level           shop.Level
	campaign        string
	campaignFrom    int
	customers       float64 // a second
	ordersExpected  float64
	expectedUnknown bool
	lingers         int  // seconds for which the shop counts as sick after it healed
	away            bool // where it hurts, customers do not come at all
}

// world plays waves second by second, and knows the truth.
type world struct {
	t     *testing.T
	rec   *Recorder
	waves []wave
	rng   *rand.Rand

	changes []Change
	carry   map[shop.ID]float64
}

func newWorld(t *testing.T, waves ...wave) *world {
	return &world{t: t, rec: new(Recorder), waves: waves, rng: rand.New(rand.NewPCG(1, 2)), carry: map[shop.ID]float64{}}
}

func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

// moments are those of a second: one for each shop that a wave names.
func (w *world) moments(second int) (moments []Moment) {
	seen := map[shop.ID]int{}
	for i := range w.waves {
		wave := &w.waves[i]
		n, ok := seen[wave.shop]
		if !ok {
			n = len(moments)
			seen[wave.shop] = n
			moments = append(moments, w.calm(wave))
		}
		wave.play(second, &moments[n])
	}
	return moments
}

// calm is a second of a shop without its attacks.
func (w *world) calm(wave *wave) Moment {
	m := Moment{Shop: wave.shop, Expected: Expected{Known: !wave.expectedUnknown, Customers: wave.customers, Orders: wave.ordersExpected}}
	w.carry[wave.shop] += wave.customers
	n := int(w.carry[wave.shop])
	w.carry[wave.shop] -= float64(n)
	m.Second.Customers, m.Second.Served, m.Second.Answered = n, n, n
	m.Second.Vouched[watch.Page], m.Second.Through[watch.Page] = n, n
	m.Wait = 80 * time.Millisecond
	return m
}

// play adds what a wave does in a second.
func (w *wave) play(second int, m *Moment) {
	if w.hurts > 0 && second >= w.hurts && second < w.heals {
		m.Second.Served, m.Sick, m.Wait = 0, true, 5*time.Second
		m.Second.Bad = m.Second.Customers
		if w.away {
			m.Second.Customers, m.Second.Bad, m.Sick = 0, 0, false
		}
	}
	if w.hurts > 0 && second >= w.heals && second < w.heals+w.lingers {
		m.Sick = true
	}
	if w.campaign != "" && second >= w.campaignFrom {
		m.Campaign = w.campaign
	}
	if second >= w.detected && second <= w.to+600 && !w.prepared {
		m.Level = max(m.Level, w.level) // held after the attack
	}
	if second < w.from || second > w.to {
		return
	}
	m.Hot = true
	stopped := 0
	if second >= w.stopsFrom {
		stopped = w.rate
	}
	if m.Shop != "" {
		m.Second.Strangers[watch.Page] += w.rate
		m.Second.Through[watch.Page] += w.rate - stopped
		m.Second.Stopped[w.stops] += stopped
	}
	if second >= w.detected {
		if !w.prepared {
			m.Need = max(m.Need, w.level)
		}
		s := Sight{Vector: w.vector, Onset: at(w.from)}
		if second == w.detected {
			s.Before = w.rate * (w.detected - w.from)
		}
		if w.prepared {
			s.Arrived, s.Stopped[w.stops] = w.rate, stopped
		}
		m.Sights = append(m.Sights, s)
	}
}

// run plays the seconds, both included.
func (w *world) run(from, to int) *world {
	for second := from; second <= to; second++ {
		w.changes = append(w.changes, w.rec.Step(at(second), w.moments(second))...)
	}
	return w
}

// one returns the record of the only incident, which is over.
func (w *world) one() *Record {
	w.t.Helper()
	closed := w.closed()
	if len(closed) != 1 || len(w.rec.Open()) != 0 {
		w.t.Fatalf("%d incidents are over and %d open, want one that is over", len(closed), len(w.rec.Open()))
	}
	return closed[0]
}

func (w *world) closed() (closed []*Record) {
	for _, c := range w.changes {
		if c.What == Closed {
			closed = append(closed, c.Record)
		}
	}
	return closed
}

// flood is the story of section "an HTTP flood": it hurts from its third second on, is detected after one
// second, and ends to hurt with the challenge.
var flood = wave{
	shop: "loewen", vector: watch.SearchFlood, from: 127, to: 700, detected: 128, rate: 2000, hurts: 129, heals: 133,
	stops: watch.ByChallenge, stopsFrom: 129, level: shop.Attack, customers: 4, ordersExpected: 0.01,
}
