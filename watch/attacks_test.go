package watch_test

import (
	"math"

	"github.com/theriac-edge/theriac/watch"
)

// attack is one kind of it.
type attack struct {
	name    string
	lasts   int64
	rate    func(since int64, w *world) float64
	clients float64
	streams [watch.Streams]float64
	assets  float64
	stamped float64
	solving float64
}

var (
	allPages    = [watch.Streams]float64{watch.Page: 1}
	allSearches = [watch.Streams]float64{watch.Search: 1}
	allLogins   = [watch.Streams]float64{watch.Account: 1}
	allOrders   = [watch.Streams]float64{watch.Order: 1}
	imitated    = [watch.Streams]float64{watch.Page: 0.8, watch.Search: 0.2}
)

// constant is so many requests a second.
func constant(rate float64) func(int64, *world) float64 {
	return func(int64, *world) float64 { return rate }
}

// pulses are 20 s of every two minutes.
func pulses(rate float64) func(int64, *world) float64 {
	return func(since int64, _ *world) float64 {
		if since%120 < 20 {
			return rate
		}
		return 0
	}
}

// ramp grows within half an hour to twice what the servers bear.
func ramp(since int64, w *world) float64 {
	return 2 * w.capacity * min(1, float64(since)/1800)
}

var (
	bareFloods = []attack{
		{name: "GET 75,000/s of 5,000", lasts: 300, rate: constant(75000), clients: 5000, streams: allPages},
		{name: "GET 2,000/s of 1,000", lasts: 600, rate: constant(2000), clients: 1000, streams: allPages},
		{name: "GET 200/s of 500", lasts: 600, rate: constant(200), clients: 500, streams: allPages},
		{name: "GET 50/s of 300", lasts: 600, rate: constant(50), clients: 300, streams: allPages},
		{name: "search storm 100/s of 1,000", lasts: 600, rate: constant(100), clients: 1000, streams: allSearches},
		{name: "100/s of 5,000, each once in 50 s", lasts: 1200, rate: constant(100), clients: 5000, streams: [watch.Streams]float64{watch.Page: 0.9, watch.Search: 0.1}},
		{name: "pulses 500/s, 20 s of 120", lasts: 1200, rate: pulses(500), clients: 800, streams: allPages},
		{name: "warning shot 500/s for 20 s", lasts: 20, rate: constant(500), clients: 800, streams: allPages},
	}
	smallFloods = []attack{
		{name: "GET 8/s of 100", lasts: 1200, rate: constant(8), clients: 100, streams: allPages},
		{name: "searches 4/s of 500", lasts: 1800, rate: constant(4), clients: 500, streams: allSearches},
		{name: "log-in guessing 5/s of 2,000", lasts: 1200, rate: constant(5), clients: 2000, streams: allLogins},
		{name: "checkout spam 10/s of 200", lasts: 900, rate: constant(10), clients: 200, streams: allOrders},
	}
	imitators = []attack{
		{name: "with pictures, 100/s of 2,000", lasts: 600, rate: constant(100), clients: 2000, streams: allPages, assets: 12},
		{name: "with pictures and stamps, 100/s of 2,000", lasts: 600, rate: constant(100), clients: 2000, streams: imitated, assets: 5, stamped: 0.75},
		{name: "old stamps, 60/s of 500", lasts: 600, rate: constant(60), clients: 500, streams: allPages, stamped: 1},
		{name: "solvers with pictures, 60/s of 150", lasts: 900, rate: constant(60), clients: 150, streams: imitated, assets: 5, solving: 1},
		{name: "solvers 300/s of 1,000", lasts: 900, rate: constant(300), clients: 1000, streams: allPages, solving: 1},
	}
	rest = []attack{
		{name: "few: 5 clients, 19/s each", lasts: 600, rate: constant(95), clients: 5, streams: allPages},
		{name: "ramp to 2 × capacity in 30 min", lasts: 2400, rate: ramp, clients: 1500, streams: allPages},
		{name: "the same with pictures and stamps", lasts: 2400, rate: ramp, clients: 1500, streams: allPages, assets: 5, stamped: 0.75},
	}
)

// trial is how one attack went, in seconds from its begin; -1: never.
type trial struct {
	detected  float64 // level 2
	effective float64 // begin of the first ten seconds without harm
	harm      float64 // seconds in which people were badly served
	onset     float64 // as the rule says
	top       int
	borne     bool // nobody was harmed
}

// suffer lets the shop be attacked now, and watches until a minute after the end.
func (l *loop) suffer(a *attack) trial {
	l.forget()
	l.untaught = true
	defer func() { l.untaught = false }()
	begin, end := l.now, l.now+a.lasts
	l.bots = append(l.bots, &bots{
		begin: begin, end: end, clients: a.clients, streams: a.streams, assets: a.assets, stamped: a.stamped, solving: a.solving,
		rate: func(since int64) float64 { return a.rate(since, l.world) },
	})
	tr := trial{detected: -1, effective: -1, onset: math.NaN()}
	well := 0
	for l.now < end+minute {
		since := float64(l.now - begin)
		l.step()
		if l.verdict.Level >= 2 && tr.detected < 0 {
			tr.detected, tr.onset = since+1, float64(l.verdict.Onset-begin)
		}
		tr.top = max(tr.top, int(l.verdict.Level))
		well++
		if l.harm && l.now <= end {
			tr.harm++
			well = 0
		}
		if tr.effective < 0 && well >= 10 && (tr.harm > 0 || tr.detected >= 0) {
			tr.effective = since - 9
		}
	}
	tr.borne = tr.harm == 0
	l.forget()
	return tr
}
