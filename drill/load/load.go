package load

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A Load is requests that many clients send.
type Load struct {
	Clients *Clients
	Targets []vegeta.Target // in turn
	Rate    int             // requests per second, or Unpaced
	Workers int             // at most so many requests are in flight

	// (optional) Pacer is when to send, instead of at Rate.
	Pacer vegeta.Pacer
}

// Get is the target of a page of one site, requested as browsers do.
func Get(s *Clients, host, path string) vegeta.Target {
	return vegeta.Target{
		Method: http.MethodGet,
		URL:    "http://" + s.target.String() + path,
		Header: Navigation(host, Chrome),
	}
}

// Send runs the load for d and calls each with every result. It returns after
// the last answer, or soon after ctx is done.
func (l Load) Send(ctx context.Context, d time.Duration, each func(*vegeta.Result)) {
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{
			Transport:     l.Clients,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(uint64(min(l.Workers, 64))),
		vegeta.MaxWorkers(uint64(l.Workers)),
	)
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	pacer := l.Pacer
	if pacer == nil {
		pacer = paced(l.Rate)
	}
	for r := range attacker.Attack(vegeta.NewStaticTargeter(l.Targets...), pacer, d, "") {
		each(r)
	}
}

// Measure runs the load and returns how many requests were answered as expected.
// Any other answer is an error: a benchmark whose requests take another path
// measures something else.
func (l Load) Measure(ctx context.Context, d time.Duration) (answered int, err error) {
	wrong := make(map[string]int)
	l.Send(ctx, d, func(r *vegeta.Result) {
		if r.Code == 0 { // no answer, or one that Clients.Check rejects
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
		return 0, fmt.Errorf("%d of %d requests failed, such as: %s", n, answered+n, text)
	}
	if answered == 0 {
		return 0, fmt.Errorf("no request was answered within %s", d)
	}
	return answered, nil
}

// tick is how often a load sends. Sending a few requests at once, instead of
// each at its own time, saves a third of their cost.
const (
	tick  = 5 * time.Millisecond
	ticks = int64(time.Second / tick)
)

// paced paces a load of so many requests per second.
type paced int

// Unpaced is the rate of a load that sends the next request as soon as an answer
// arrives.
const Unpaced = 0

// Pace implements vegeta.Pacer: how long to wait before the next request.
func (p paced) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	if p == Unpaced {
		return 0, false
	}
	next := (int64(hits+1)*ticks - 1) / int64(p) // the tick by whose end one more is due
	return max(time.Duration(next)*tick-elapsed, 0), false
}

// Rate implements vegeta.Pacer.
func (p paced) Rate(time.Duration) float64 { return float64(p) }
