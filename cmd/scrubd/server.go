//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/hint"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The largest bodies: a batch of wire.MaxVerdicts takes some 200 KB.
const (
	largestBatch = 512 << 10
	largestOrder = 4 << 10
)

// wrongs is an error as it goes over the socket.
type wrongs struct {
	Error string `json:"error"`
	Try   string `json:"try,omitempty"`
}

// handler answers peers according to what they may do.
func (d *daemon) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, needs power, answer func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { d.answer(w, r, needs, answer) })
	}
	route("POST /bans", mayJudge, d.postVerdicts)
	route("GET /status", mayJudge, func(w http.ResponseWriter, _ *http.Request) error {
		answer, err := d.report(time.Now())
		return reply(w, answer, err)
	})
	metrics := promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{})
	route("GET /metrics", mayJudge, func(w http.ResponseWriter, r *http.Request) error {
		metrics.ServeHTTP(w, r)
		return nil
	})
	route("GET /top", mayAll, d.getTop)
	route("GET /samples", mayAll, d.getSamples)
	route("GET /denied", mayAll, func(w http.ResponseWriter, _ *http.Request) error { return reply(w, d.desk.denied(), nil) })
	route("GET /allowed", mayAll, func(w http.ResponseWriter, _ *http.Request) error {
		answer, err := d.desk.allowedList()
		return reply(w, answer, err)
	})
	route("GET /policy", mayAll, func(w http.ResponseWriter, _ *http.Request) error { return reply(w, d.current().Config, nil) })
	route("POST /policy", mayAll, func(w http.ResponseWriter, _ *http.Request) error {
		answer, err := d.reload()
		return reply(w, answer, err)
	})
	route("POST /deny", mayAll, d.ordered(func(o order, by string) (done, error) {
		now := time.Now()
		lasts, err := o.lasts()
		if err != nil {
			return done{}, err
		}
		n := note{Prefix: o.Prefix, By: by, Why: o.Why, Since: now, Until: now.Add(lasts)}
		notice, err := d.desk.deny(n)
		return done{Prefix: o.Prefix, Until: n.Until, Notice: notice}, err
	}))
	route("POST /lift", mayAll, d.ordered(func(o order, _ string) (done, error) {
		notice, err := d.desk.lift(o.Prefix)
		return done{Prefix: o.Prefix, Notice: notice}, err
	}))
	route("POST /allow", mayAll, d.ordered(func(o order, by string) (done, error) {
		notice, err := d.desk.allow(note{Prefix: o.Prefix, By: by, Why: o.Why, Since: time.Now()})
		return done{Prefix: o.Prefix, Notice: notice}, err
	}))
	route("POST /disallow", mayAll, d.ordered(func(o order, _ string) (done, error) {
		notice, err := d.desk.disallow(o.Prefix)
		return done{Prefix: o.Prefix, Notice: notice}, err
	}))
	return mux
}

// answer lets a peer do what he may.
func (d *daemon) answer(w http.ResponseWriter, r *http.Request, needs power, answer func(http.ResponseWriter, *http.Request) error) {
	p, known := peerFrom(r)
	if has := d.peers.power(p); !known || has < needs {
		list := "admins"
		if needs == mayJudge {
			list = "edges or admins"
		}
		complain(w, http.StatusForbidden, hint.Errorf("name the user in "+list+" of the policy file's section daemon, and restart scrubd",
			"%s may not %s %s", p.name(), r.Method, r.URL.Path))
		return
	}
	err := answer(w, r)
	if err == nil {
		return
	}
	status := http.StatusInternalServerError
	switch _, refused := errors.AsType[refusal](err); {
	case refused:
		status = http.StatusConflict
	case isMisuse(err):
		status = http.StatusBadRequest
	default:
		d.log.Error("answering", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	complain(w, status, err)
}

func isMisuse(err error) bool {
	_, ok := errors.AsType[misuse](err)
	return ok
}

func complain(w http.ResponseWriter, status int, err error) {
	answer := wrongs{Error: err.Error()}
	if try := hint.Of(err); try != "" {
		answer.Try = try
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who hung up is told nothing
}

// reply answers, or passes the error on.
func reply(w http.ResponseWriter, answer any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

// read takes in a body of bounded size.
func read(w http.ResponseWriter, r *http.Request, largest int64, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, largest))
	if err := d.Decode(into); err != nil {
		return misuse{fmt.Errorf("reading the body: %w", err)}
	}
	return nil
}

// largestName is how long an edge's name may be.
const largestName = 64

func (d *daemon) postVerdicts(w http.ResponseWriter, r *http.Request) error {
	var v wire.Verdicts
	if err := read(w, r, largestBatch, &v); err != nil {
		return err
	}
	switch {
	case len(v.Verdicts) > wire.MaxVerdicts:
		return misuse{fmt.Errorf("%d bans at once; at most %d are allowed", len(v.Verdicts), wire.MaxVerdicts)}
	case v.Edge == "" || len(v.Edge) > largestName || strconv.Quote(v.Edge) != `"`+v.Edge+`"`:
		return misuse{fmt.Errorf("%.80q is no name of an edge: 1 to %d printable characters", v.Edge, largestName)}
	}
	p, _ := peerFrom(r)
	judgement, err := d.desk.judge(edgeID{p.uid, v.Edge}, v.Verdicts, time.Now())
	if errors.Is(err, errTooMany) {
		return refusal{err}
	}
	return reply(w, judgement, err)
}

// order is what people want done.
type order struct {
	Prefix netip.Prefix `json:"prefix"`
	For    string       `json:"for,omitempty"`
	Why    string       `json:"why,omitempty"`
}

// done is the answer to an order that was carried out.
type done struct {
	Prefix netip.Prefix `json:"prefix"`
	Until  time.Time    `json:"until,omitzero"`
	Notice string       `json:"notice,omitempty"`
}

// largestWhy is how long a reason may be.
const largestWhy = 200

func (o order) check() error {
	switch {
	case !o.Prefix.IsValid() || o.Prefix != o.Prefix.Masked() || o.Prefix.Addr().Is4In6():
		return misuse{errors.New("prefix is missing, or is none")}
	case len(o.Why) > largestWhy:
		return misuse{fmt.Errorf("the reason has %d bytes; the most is %d", len(o.Why), largestWhy)}
	}
	return nil
}

// longest is how long people can deny something without the policy file.
const longest = 30 * 24 * time.Hour

func (o order) lasts() (time.Duration, error) {
	lasts, err := time.ParseDuration(o.For)
	if err != nil || lasts < time.Second || lasts > longest {
		return 0, misuse{fmt.Errorf("%q is no time to last; 1s to %s are possible, and `deny:` in the policy file for good", o.For, longest)}
	}
	return lasts, nil
}

// ordered answers people's orders, and logs them.
func (d *daemon) ordered(carryOut func(o order, by string) (done, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var o order
		if err := read(w, r, largestOrder, &o); err != nil {
			return err
		}
		if err := o.check(); err != nil {
			return err
		}
		p, _ := peerFrom(r)
		answer, err := carryOut(o, p.name())
		if err == nil {
			d.log.Info("an order was carried out", "order", r.URL.Path[1:], "prefix", o.Prefix, "for", o.For, "why", o.Why, "by", p.name())
		}
		return reply(w, answer, err)
	}
}
