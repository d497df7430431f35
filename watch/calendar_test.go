package watch_test

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/theriac-edge/theriac/watch"
)

// occasion is what goes on at a shop besides an ordinary day. None of them is an attack.
type occasion uint8

// In the order in which one explains an alarm: of two at a time, the later one does.
const (
	ordinary occasion = iota
	crawler           // 1 to 6 addresses
	newsletter
	swarm      // of scrapers: 200 to 3,000 addresses
	stampsLost // all of them: each visitor is new for three hours
	slowServer
	outage
	tvSpot
	occasions
)

var occasionNames = [occasions]string{"ordinary", "crawler", "newsletter", "swarm", "stamps lost", "slow", "outage", "TV"}

func (o occasion) String() string { return occasionNames[o] }

// perYear is how often a shop has each; a tenth of the shops have TV spots.
var perYear = [occasions]float64{crawler: 200, swarm: 20, newsletter: 24, stampsLost: 1, slowServer: 12, outage: 4, tvSpot: 6}

// event is an occasion at its time; after its end an alarm is no longer its own.
type event struct {
	occasion
	begin, end int64
	do, undo   func(*world)
}

// calendar is what goes on at a shop on so many days from now, by its begin.
func calendar(w *world, r *rand.Rand, days int64) (all []event) {
	watched := r.Float64() < 0.1 // by those that watch TV
	for o := range occasions {
		if o == tvSpot && !watched {
			continue
		}
		for range poisson(r, perYear[o]*float64(days)/365) {
			at := r.Int64N(days * day)
			if o == newsletter || o == tvSpot || o == stampsLost { // at hours at which people work
				at = r.Int64N(days)*day + 7*hour + r.Int64N(13*hour)
			}
			all = append(all, plan(o, w, r, w.now+at))
		}
	}
	slices.SortFunc(all, func(a, b event) int { return int(a.begin - b.begin) })
	return all
}

// plan makes one occasion.
func plan(o occasion, w *world, r *rand.Rand, at int64) event {
	e := event{occasion: o, begin: at}
	switch o {
	case newsletter:
		e.of(newNewsletter(w.size, r, at), 6)
	case tvSpot:
		e.of(newSpot(r, at), 7)
	case crawler:
		e.by(&bots{end: at + 300 + r.Int64N(7000), rate: steady(between(r, 0.5, 8)), clients: float64(1 + r.IntN(6)), streams: catalogue})
	case swarm:
		e.by(newSwarm(r, at))
	case slowServer:
		e.wrong(trouble{until: at + 300 + r.Int64N(5000), slow: 5 + 25*r.Float64(), reload: 0.3})
	case outage:
		e.wrong(trouble{until: at + 120 + r.Int64N(2300), down: true, reload: 1})
	case stampsLost:
		known := w.known
		e.end = at + 3*hour
		e.do = func(w *world) { w.known = 0 }
		e.undo = func(w *world) { w.known = known }
	}
	return e
}

// of lets a crowd come.
func (e *event) of(c *crowd, taus float64) {
	e.end = e.begin + int64(taus*c.tau)
	e.do = func(w *world) { w.crowds = append(w.crowds, c) }
}

// by lets bots come.
func (e *event) by(b *bots) {
	b.begin = e.begin
	e.end = b.end + minute
	e.do = func(w *world) { w.bots = append(w.bots, b) }
}

// wrong lets the servers have trouble.
func (e *event) wrong(t trouble) {
	e.end = t.until + 2*minute
	e.do = func(w *world) { w.trouble = t }
}

// catalogue is what crawlers ask for.
var catalogue = [watch.Streams]float64{watch.Page: 0.8, watch.Search: 0.2}

// newNewsletter brings a tenth of a day's visits, or up to one and a half.
func newNewsletter(size float64, r *rand.Rand, at int64) *crowd {
	return &crowd{begin: at, visits: size * day * (0.1 + 1.4*r.Float64()), tau: 900 + 1500*r.Float64(), known: 0.7, addresses: 1}
}

// newSpot brings 200 to 5,000 people within minutes, however small the shop is.
func newSpot(r *rand.Rand, at int64) *crowd {
	return &crowd{begin: at, visits: between(r, 200, 5000), tau: 60 + 60*r.Float64(), known: 0.1, addresses: 1, atOnce: true}
}

// newSwarm takes 0.5 to 6 pages a second, three in a hundred up to 20.
func newSwarm(r *rand.Rand, at int64) *bots {
	rate := between(r, 0.5, 6)
	if r.Float64() < 0.03 {
		rate = 6 + 14*r.Float64()
	}
	return &bots{begin: at, end: at + 600 + r.Int64N(10000), rate: steady(rate), clients: 200 + 2800*r.Float64(), streams: [watch.Streams]float64{watch.Page: 0.9, watch.Search: 0.1}}
}

// between draws a number whose logarithm is evenly spread.
func between(r *rand.Rand, least, most float64) float64 {
	return least * math.Exp(r.Float64()*math.Log(most/least))
}

func steady(rate float64) func(int64) float64 { return func(int64) float64 { return rate } }

// explains returns the occasion that an alarm at this time is counted for.
func explains(all []event, at int64) (o occasion) {
	for i := range all {
		if all[i].begin > at {
			break
		}
		if all[i].end >= at {
			o = max(o, all[i].occasion)
		}
	}
	return o
}

// diary lets the events of a shop begin and end.
type diary struct {
	events []event // those that are not over for a day
	begun  int
	undo   []event
}

func (d *diary) turn(l *loop) {
	for d.begun < len(d.events) && d.events[d.begun].begin <= l.now {
		e := d.events[d.begun]
		e.do(l.world)
		if e.undo != nil {
			d.undo = append(d.undo, e)
		}
		d.begun++
	}
	for len(d.undo) > 0 && d.undo[0].end <= l.now {
		d.undo[0].undo(l.world)
		d.undo = d.undo[1:]
	}
	if l.now%hour == 0 {
		for d.begun > 0 && d.events[0].end < l.now-day {
			d.events = d.events[1:]
			d.begun--
		}
	}
}
