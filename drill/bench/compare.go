package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
)

// schedule is the order in which the sides take turns within a round (the
// Prouhet-Thue-Morse sequence): other load on the machine, be it steady, rising
// or falling, weighs on all sides alike. It has the index of a side per turn.
func schedule(sides int) []int {
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
func (v *Env) compare(ctx context.Context, ours, theirs side) (float64, error) {
	costs, err := v.measureInTurn(ctx, ours, theirs)
	if err != nil {
		return 0, err
	}
	s := spreadOf(quotients(costs[0], costs[1]))
	fmt.Fprintf(v.Log, "%s: %s %.1f µs, %s %.1f µs per request; %s\n", v.bench,
		ours.name, spreadOf(costs[0]).median, theirs.name, spreadOf(costs[1]).median, s)
	return s.median, nil
}

// measureInTurn measures the edges in turn. For each side it returns the CPU time
// of a request in each round, in µs.
func (v *Env) measureInTurn(ctx context.Context, sides ...side) (costs [][]float64, err error) {
	edges, loads := make([]*edge, len(sides)), make([]load.Load, len(sides))
	for i, s := range sides {
		if edges[i], err = v.startEdge(ctx, s); err != nil {
			return nil, err
		}
		defer edges[i].Stop()
		loads[i] = edges[i].load()
		defer loads[i].Clients.Close()
		if err := warm(ctx, edges[i], loads[i]); err != nil {
			return nil, err
		}
	}
	order := schedule(len(sides))
	each := v.Each * time.Duration(len(sides)) / time.Duration(len(order))
	costs = make([][]float64, len(sides))
	for range v.Rounds {
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

// usage is the CPU time that an edge used for a number of requests.
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

// work loads the edge for d and returns what that took.
func (e *edge) work(ctx context.Context, ld load.Load, d time.Duration) (u usage, err error) {
	before, err := load.CPUTime(e.PID)
	if err != nil {
		return u, err
	}
	u.requests, err = ld.Measure(ctx, d)
	if err == nil {
		err = e.Alive()
	}
	if err != nil {
		return u, fmt.Errorf("loading %s: %w", e.side.name, err)
	}
	after, err := load.CPUTime(e.PID)
	u.cpu = after - before
	return u, err
}

// warmUp is the least time that an edge works before it is measured: connections,
// pools and the pace of the garbage collector settle, and each client has sent a
// few requests. The answers meanwhile are not checked.
const warmUp = time.Second

func warm(ctx context.Context, e *edge, ld load.Load) error {
	check := ld.Clients.Check
	ld.Clients.Check = nil
	defer func() { ld.Clients.Check = check }()
	if err := ld.Clients.Connect(ctx); err != nil {
		return fmt.Errorf("connecting to %s: %w", e.side.name, err)
	}
	for answers := 0; answers < 5*ld.Clients.Len(); {
		n, err := ld.Measure(ctx, warmUp)
		if err != nil {
			return fmt.Errorf("warming up %s: %w", e.side.name, err)
		}
		answers += n
	}
	return nil
}
