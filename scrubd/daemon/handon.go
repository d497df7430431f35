//go:build linux

package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// HandOnState is the ring of edges, and whether a window is open.
type HandOnState struct {
	Mode  scrub.HandOnMode `json:"mode"`
	Next  netip.Addr       `json:"next"`           // the edge that segments go to
	Until time.Time        `json:"until,omitzero"` // zero: no window is open
}

// left is how long the window stays open.
func (h *HandOnState) left() time.Duration { return max(0, time.Until(h.Until)) }

// handOn is nil without a ring.
func (d *Daemon) handOn() (*HandOnState, error) {
	ring := d.current().HandOn
	if ring == nil {
		return nil, nil
	}
	w, err := d.plane.Window()
	if err != nil {
		return nil, err
	}
	s := &HandOnState{Mode: ring.Mode, Next: ring.Next(), Until: w.Until}
	if !w.Until.IsZero() {
		s.Next = w.Next
	}
	return s, nil
}

// farEnds are the tunnels whose next hops have to be known: to data centres, and to
// the other edges of the ring.
func farEnds(f *policyfile.File) []scrub.Tunnel {
	all := f.Tunnels()
	for _, t := range f.HandOn.Tunnels() {
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

// postHandOn opens a window, or moves the end of one that is open.
func (d *Daemon) postHandOn(w http.ResponseWriter, r *http.Request) error {
	var open client.HandOn
	if err := readBody(w, r, maxChangeBody, &open); err != nil {
		return err
	}
	if err := audit.CheckWhy(open.Why, denylist.MaxWhy); err != nil {
		return badRequest{err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ring := d.current().HandOn
	if ring == nil {
		return conflict{hint.New(scrub.ErrNoRing, "add hand_on with the other edges to the policy file, and scrubd policy reload")}
	}
	lasting, err := time.ParseDuration(open.For)
	if err != nil || lasting < time.Second || lasting > ring.MaxWindow {
		return badRequest{fmt.Errorf("invalid duration %q: want 1s to %s, the max_window of the policy file, e.g. 2m", open.For, ring.MaxWindow)}
	}
	next := ring.Next(open.Without...)
	if !next.IsValid() {
		return badRequest{errors.New("no other edge of the ring is left")}
	}
	before, err := d.plane.Window()
	if err != nil {
		return err
	}
	until := time.Now().Add(lasting)
	if err := d.plane.SetWindow(scrub.Window{Next: next, Until: until, Rate: open.Rate}); err != nil {
		return err
	}
	if before.Until.IsZero() { // and not each time that its end is moved
		d.record(audit.Act{Act: "handon open", Who: operator(r), What: next.String(), Why: open.Why, Until: until})
	}
	return reply(w, client.HandOnOpened{Next: next, Until: until}, nil)
}

// deleteHandOn closes the window.
func (d *Daemon) deleteHandOn(w http.ResponseWriter, r *http.Request) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.plane.SetWindow(scrub.Window{}); err != nil {
		if errors.Is(err, scrub.ErrNoRing) {
			err = conflict{err}
		}
		return err
	}
	d.record(audit.Act{Act: "handon close", Who: operator(r)})
	return reply(w, struct{}{}, nil)
}

func operator(r *http.Request) string {
	p, _ := peersock.FromContext(r.Context())
	return p.Operator()
}
