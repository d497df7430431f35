//go:build linux

package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// maxTalkers bounds top's answer.
const maxTalkers = 1000

func (d *Daemon) getTop(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	by, most := q.Get("by"), 20
	if by == "" {
		by = "source"
	}
	if topBy[by] == nil {
		return badRequest{fmt.Errorf("invalid grouping %q: want one of %s", by, TopKeys)}
	}
	if text := q.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxTalkers {
			return badRequest{fmt.Errorf("invalid number of lines %q: want 1 to %d", text, maxTalkers)}
		}
		most = n
	}
	return reply(w, sumUp(d.samples.kept(), by, most, d.packetsPerSample(), q.Has("dropped"), time.Now()), nil)
}

// packetsPerSample is how many packets a sample stands for: the policy file's
// number, rounded up to a power of two as the dataplane does.
func (d *Daemon) packetsPerSample() uint32 {
	n := uint32(1)
	for n < d.current().Sample {
		n <<= 1
	}
	return n
}

// filter selects the samples that a watcher wants.
type filter struct {
	reason  *scrub.Reason
	policy  string
	dropped bool
}

func filterOf(r *http.Request) (f filter, err error) {
	q := r.URL.Query()
	f.policy, f.dropped = q.Get("policy"), q.Has("dropped")
	if name := q.Get("reason"); name != "" {
		reason, err := scrub.ParseReason(name)
		if err != nil {
			return f, badRequest{err}
		}
		f.reason = &reason
	}
	return f, nil
}

func (f filter) matches(s scrub.Sample) bool {
	switch {
	case f.policy != "" && s.Policy != f.policy:
		return false
	case f.reason != nil && s.Reason != *f.reason && (s.Watched == nil || *s.Watched != *f.reason):
		return false
	}
	return !f.dropped || s.Reason.Action() == scrub.Dropped || s.Watched != nil
}

// writeTimeout is how long a watcher may take to read what was written.
const writeTimeout = 5 * time.Second

// getSamples writes samples as they come, one per line, until the peer closes the
// connection. A peer that does not keep up misses some.
func (d *Daemon) getSamples(w http.ResponseWriter, r *http.Request) error {
	want, err := filterOf(r)
	if err != nil {
		return err
	}
	come, stop := d.samples.watch()
	if come == nil {
		return conflict{fmt.Errorf("watching: there are %d watchers already", maxWatchers)}
	}
	defer stop()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	if err := control.Flush(); err != nil {
		return nil // the peer has gone
	}
	lines := json.NewEncoder(w)
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-d.ending:
			return nil
		case s := <-come:
			if !want.matches(s) {
				continue
			}
			if control.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil || lines.Encode(s) != nil || control.Flush() != nil {
				return nil
			}
		}
	}
}
