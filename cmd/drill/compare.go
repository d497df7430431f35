package main

import (
	"context"
	"fmt"
	"time"
)

// turns is how so many sides take turns within a round (Prouhet, Thue and
// Morse): what the machine does meanwhile, be it steady, rising or falling,
// weighs on all alike. It is whose turn it is, for each turn.
func turns(sides int) []int {
	order := make([]int, sides*sides*sides)
	for turn := range order {
		for n := turn; n > 0; n /= sides {
			order[turn] += n
		}
		order[turn] %= sides // of the sum of its digits
	}
	return order
}

// compare measures the CPU time of both edges for each request, in turn, and
// returns the median over rounds of ours ÷ theirs.
func (l *lab) compare(ctx context.Context, ours, theirs side) (float64, error) {
	costs, err := l.contest(ctx, ours, theirs)
	if err != nil {
		return 0, err
	}
	s := spreadOf(quotients(costs[0], costs[1]))
	fmt.Fprintf(l.log, "%s: %s %.1f µs, %s %.1f µs a request; %s\n", l.bench,
		ours.name, spreadOf(costs[0]).median, theirs.name, spreadOf(costs[1]).median, s)
	return s.median, nil
}

// contest measures the edges in turn. For each side it returns what a request
// cost, in µs, round by round.
func (l *lab) contest(ctx context.Context, sides ...side) (costs [][]float64, err error) {
	edges, loads := make([]*edge, len(sides)), make([]load, len(sides))
	for i, s := range sides {
		if edges[i], err = l.startEdge(ctx, s); err != nil {
			return nil, err
		}
		defer edges[i].stop()
		loads[i] = edges[i].load()
		defer loads[i].by.close()
		if err := warm(ctx, edges[i], loads[i]); err != nil {
			return nil, err
		}
	}
	order := turns(len(sides))
	each := l.each * time.Duration(len(sides)) / time.Duration(len(order))
	costs = make([][]float64, len(sides))
	for range l.rounds {
		used := make([]usage, len(sides))
		for _, i := range order {
			u, err := edges[i].work(ctx, loads[i], each)
			if err != nil {
				return nil, err
			}
			used[i].add(u)
		}
		for i := range costs {
			costs[i] = append(costs[i], used[i].perRequest())
		}
	}
	return costs, nil
}

// quotients divides round by round.
func quotients(costs, by []float64) []float64 {
	q := make([]float64, len(costs))
	for i := range q {
		q[i] = costs[i] / by[i]
	}
	return q
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
	for answers := 0; answers < 5*len(ld.by.lines); {
		n, err := ld.measure(ctx, warmUp)
		if err != nil {
			return fmt.Errorf("warming up %s: %w", e.side.name, err)
		}
		answers += n
	}
	return nil
}
