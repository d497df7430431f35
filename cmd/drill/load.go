package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A load is requests that a crowd sends.
type load struct {
	by      *sources
	targets []vegeta.Target // in turn
	rate    int             // requests a second, or unpaced
	workers int             // how many may be under way at once
}

// get is the target of a page of one site, asked for as browsers do.
func get(s *sources, host, path string) vegeta.Target {
	return vegeta.Target{
		Method: http.MethodGet,
		URL:    "http://" + s.target.String() + path,
		Header: navigation(host, chrome),
	}
}

// send runs the load for d and hands every result to each. It returns when
// the last answer is there, or soon after ctx is done.
func (l load) send(ctx context.Context, d time.Duration, each func(*vegeta.Result)) {
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport:     l.by,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(uint64(min(l.workers, 64))),
		vegeta.MaxWorkers(uint64(l.workers)),
	)
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	for r := range attacker.Attack(vegeta.NewStaticTargeter(l.targets...), ticks(l.rate), d, "") {
		each(r)
	}
}

// measure runs the load and says how many requests were answered as wanted.
// One that was not is an error: a benchmark whose requests take another way
// measures something else.
func (l load) measure(ctx context.Context, d time.Duration) (answered int, err error) {
	wrong := make(map[string]int)
	l.send(ctx, d, func(r *vegeta.Result) {
		if r.Code == 0 { // no answer, or not the one that sources.check wants
			wrong[r.Error]++
			return
		}
		answered++
	})
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	for text, n := range wrong {
		_, text, _ = strings.Cut(text, "\": ") // without method and URL
		return 0, fmt.Errorf("%d of %d requests went wrong, such as: %s", n, answered+n, text)
	}
	if answered == 0 {
		return 0, fmt.Errorf("no request was answered within %s", d)
	}
	return answered, nil
}

// tick is how often a load sends. Sending a few requests at once, and not
// each at its own time, saves a third of what they cost.
const tick = 5 * time.Millisecond

// ticks paces a load of so many requests a second.
type ticks int

// unpaced is a load that sends as soon as there is an answer.
const unpaced = 0

// Pace implements vegeta.Pacer.
func (t ticks) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if t == unpaced {
		return 0, false
	}
	n := elapsed / tick
	due := uint64(float64(n+1) * tick.Seconds() * float64(t))
	if hits < due {
		return 0, false
	}
	return (n+1)*tick - elapsed, false
}

// Rate implements vegeta.Pacer.
func (t ticks) Rate(time.Duration) float64 { return float64(t) }
