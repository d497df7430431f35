package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/hint"
)

// The fleet: edges that share one limit, and by how much their load exceeds it.
const (
	fleetEdges    = 3
	fleetRate     = 400 // requests per second, for the whole shop
	fleetBurst    = 100
	fleetOverload = 10
	fleetTime     = 12 * time.Second

	// How long edges take to find each other through Redis. Nothing is sent
	// meanwhile, since that would use up the burst.
	fleetDiscovery = 3 * time.Second
)

type fleetResult struct{ admitted, limit, requests, commands float64 }

func distributed(ctx context.Context, env *Env) (float64, error) {
	r, err := env.fleet(ctx)
	return r.admitted / r.limit, err
}

func redisCommands(ctx context.Context, env *Env) (float64, error) {
	r, err := env.fleet(ctx)
	return r.commands / r.requests * 1000, err
}

// answered expects the page or a refusal, and nothing else.
func answered(a load.Answer) error {
	if a.Status != http.StatusOK && a.Status != http.StatusTooManyRequests {
		return fmt.Errorf("the answer was %d", a.Status)
	}
	return nil
}

// runFleet starts a Redis and the edges, loads all of them at once, and
// counts what reached the backend and what Redis was sent.
func runFleet(ctx context.Context, env *Env) (r fleetResult, err error) {
	redis, err := startRedis(ctx, env.dir)
	if err != nil {
		return r, err
	}
	defer redis.Stop()
	var edges [fleetEdges]*edge
	var loads [fleetEdges]load.Load
	for i := range edges {
		if edges[i], err = env.startEdge(ctx, fleetSide(i, redis.addr)); err != nil {
			return r, err
		}
		defer edges[i].Stop()
		loads[i] = edges[i].load()
		loads[i].Rate = fleetRate * fleetOverload / fleetEdges
		defer loads[i].Clients.Close()
		if err = loads[i].Clients.Connect(ctx); err != nil {
			return r, fmt.Errorf("connecting to %s: %w", edges[i].side.name, err)
		}
	}
	select {
	case <-time.After(fleetDiscovery):
	case <-ctx.Done():
		return r, ctx.Err()
	}

	before, names, err := redis.commands()
	if err != nil {
		return r, err
	}
	asked, begun := env.requests.Load(), time.Now()
	var counts [fleetEdges]int
	var errs [fleetEdges]error
	var all sync.WaitGroup
	for i, ld := range loads {
		all.Go(func() { counts[i], errs[i] = ld.Measure(ctx, fleetTime) })
	}
	all.Wait()
	took := time.Since(begun)
	r.admitted = float64(env.requests.Load() - asked)
	r.limit = fleetBurst + fleetRate*took.Seconds()
	after, later, err := redis.commands()
	if err != nil {
		return r, err
	}
	r.commands = float64(after - before - 1) // without our own INFO
	for i, err := range errs {
		if err == nil {
			err = edges[i].Alive()
		}
		if err != nil {
			return r, fmt.Errorf("loading %s: %w", edges[i].side.name, err)
		}
		r.requests += float64(counts[i])
	}
	if sent := r.requests / took.Seconds(); sent < 0.9*fleetRate*fleetOverload {
		return r, hint.Errorf("a machine without other load", "only %.0f of %d requests per second could be sent", sent, fleetRate*fleetOverload)
	}
	fmt.Fprintf(env.Log, "%s: %.0f requests in %.1f s, %.0f admitted of %.0f; Redis was sent %.0f commands and ran:", env.bench,
		r.requests, took.Seconds(), r.admitted, r.limit, r.commands)
	for _, name := range slices.Sorted(maps.Keys(later)) {
		if n := later[name] - names[name]; n > 0 && name != "info" {
			fmt.Fprintf(env.Log, " %s %d", name, n)
		}
	}
	fmt.Fprintln(env.Log)
	return r, nil
}

// fleetSide is one edge of the fleet. Its clients are not limited and the firewall
// is off, so that the shop's limit alone decides.
func fleetSide(i int, redis string) side {
	return side{
		name: fmt.Sprintf("edge-%d", i+1), check: answered,
		global: fmt.Sprintf(`	shield {
		watch shadow
		node drill-%d
		secret only-for-drills-on-loopback
		redis redis://%s
	}`, i+1, redis),
		site: fmt.Sprintf(`	shield loewen {
		waf off
		limit client off
		limit subnet off
		limit pages off
		limit total {
			key shop
			rate %d/s
			burst %d
		}
	}
	shop_backend BACKEND`, fleetRate, fleetBurst),
	}
}
