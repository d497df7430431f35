package main

import (
	"context"
	"fmt"
	"time"
)

// order is how the two sides take turns within a round (Thue and Morse): what
// the machine does meanwhile, be it steady, rising or falling, weighs on both
// alike.
var order = [...]int{0, 1, 1, 0, 1, 0, 0, 1}

// compare measures the CPU time of both edges for each request, in turn, and
// returns the median over rounds of ours ÷ theirs.
func (l *lab) compare(ctx context.Context, ours, theirs side) (float64, error) {
	var edges [2]*edge
	var loads [2]load
	for i, s := range []side{ours, theirs} {
		e, err := l.startEdge(ctx, s)
		if err != nil {
			return 0, err
		}
		defer e.stop()
		edges[i], loads[i] = e, e.load()
		defer loads[i].by.close()
		if err := warm(ctx, e, loads[i]); err != nil {
			return 0, err
		}
	}
	var ratios []float64
	var costs [2][]float64 // µs for each request
	for range l.rounds {
		var used [2]usage
		for _, i := range order {
			u, err := edges[i].work(ctx, loads[i], l.each*2/time.Duration(len(order)))
			if err != nil {
				return 0, err
			}
			used[i].add(u)
		}
		for i := range costs {
			costs[i] = append(costs[i], used[i].perRequest())
		}
		ratios = append(ratios, used[0].perRequest()/used[1].perRequest())
	}
	s := spreadOf(ratios)
	fmt.Fprintf(l.log, "%s: %s %.1f µs, %s %.1f µs a request; %s\n", l.bench,
		ours.name, spreadOf(costs[0]).median, theirs.name, spreadOf(costs[1]).median, s)
	return s.median, nil
}

// usage is the CPU time that an edge used for so many requests.
type usage struct {
	cpu      time.Duration
	requests int
}

func (u *usage) add(more usage) {
	u.cpu += more.cpu
	u.requests += more.requests
}

// perRequest is in µs.
func (u *usage) perRequest() float64 {
	return u.cpu.Seconds() * 1e6 / float64(u.requests)
}

// work loads the edge for d and says what that took.
func (e *edge) work(ctx context.Context, ld load, d time.Duration) (u usage, err error) {
	before, err := cpuTime(e.pid)
	if err != nil {
		return u, err
	}
	u.requests, err = ld.measure(ctx, d)
	if err == nil {
		err = e.alive()
	}
	if err != nil {
		return u, fmt.Errorf("loading %s: %w", e.side.name, err)
	}
	after, err := cpuTime(e.pid)
	u.cpu = after - before
	return u, err
}

// warmUp is how long an edge works before it is measured, at the least:
// connections, pools and the garbage collector's pace settle, and each client
// has been there a few times. The answers meanwhile are not checked.
const warmUp = time.Second

func warm(ctx context.Context, e *edge, ld load) error {
	check := ld.by.check
	ld.by.check = nil
	defer func() { ld.by.check = check }()
	if err := ld.by.connect(ctx); err != nil {
		return fmt.Errorf("connecting to %s: %w", e.side.name, err)
	}
	for answers := 0; answers < 5*crowd; {
		n, err := ld.measure(ctx, warmUp)
		if err != nil {
			return fmt.Errorf("warming up %s: %w", e.side.name, err)
		}
		answers += n
	}
	return nil
}
