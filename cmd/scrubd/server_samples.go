//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// mostTalkers bounds top's answer.
const mostTalkers = 1000

func (d *daemon) getTop(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	by, most := q.Get("by"), 20
	if by == "" {
		by = "source"
	}
	if topBy[by] == nil {
		return misuse{fmt.Errorf("there is no top by %q; there is one by %s", by, topWays)}
	}
	if text := q.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostTalkers {
			return misuse{fmt.Errorf("%q lines; 1 to %d are possible", text, mostTalkers)}
		}
		most = n
	}
	return reply(w, sumUp(d.samples.kept(), by, most, d.current().oneOf(), q.Has("dropped"), time.Now()), nil)
}

// oneOf is how many packets a sample stands for.
func (f *file) oneOf() uint32 {
	one := uint32(1)
	for one < f.Sample {
		one <<= 1
	}
	return one
}

// wanted are the samples that somebody wants to watch.
type wanted struct {
	reason  *scrub.Reason
	policy  string
	dropped bool
}

func wantedBy(r *http.Request) (want wanted, err error) {
	q := r.URL.Query()
	want.policy, want.dropped = q.Get("policy"), q.Has("dropped")
	if name := q.Get("reason"); name != "" {
		reason, err := scrub.ParseReason(name)
		if err != nil {
			return want, misuse{err}
		}
		want.reason = &reason
	}
	return want, nil
}

func (w wanted) has(s scrub.Sample) bool {
	switch {
	case w.policy != "" && s.Policy != w.policy:
		return false
	case w.reason != nil && s.Reason != *w.reason && (s.Watched == nil || *s.Watched != *w.reason):
		return false
	}
	return !w.dropped || s.Reason.Action() == scrub.Dropped || s.Watched != nil
}

// writeWithin is how long a watcher may take to read what was written.
const writeWithin = 5 * time.Second

// getSamples writes samples as they come, a line each, until the peer has had
// enough. A peer that is too slow misses some, and one that is gone is noticed.
func (d *daemon) getSamples(w http.ResponseWriter, r *http.Request) error {
	want, err := wantedBy(r)
	if err != nil {
		return err
	}
	come, stop := d.samples.watch()
	if come == nil {
		return refuse("watching: %d watch already", watchers)
	}
	defer stop()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	if err := control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	if err := control.Flush(); err != nil {
		return nil // who hung up is told nothing
	}
	lines := json.NewEncoder(w)
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-d.ending:
			return nil
		case s := <-come:
			if !want.has(s) {
				continue
			}
			if control.SetWriteDeadline(time.Now().Add(writeWithin)) != nil || lines.Encode(s) != nil || control.Flush() != nil {
				return nil
			}
		}
	}
}
