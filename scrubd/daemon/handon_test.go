//go:build linux

package daemon

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/test/fakeplane"
)

const ringOfThree = "hand_on: {self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2, 10.0.0.3], max_window: 5m}\n"

// TestWindows: an edge opens a window within the bounds of the policy file, moves
// its end and closes it; acts are those that change something.
func TestWindows(t *testing.T) {
	f := fakeplane.New()
	d, _ := serving(t, f, ringOfThree)
	const edge, admin = 54321, 54322
	d.roles = peersock.Roles{Edges: peersock.Set{UIDs: []int{edge}}, Admins: peersock.Set{UIDs: []int{admin}}}
	for _, c := range []struct {
		body, next string
		status     int
	}{
		{`{"for": "2m", "rate": "1000/s", "why": "fra-2 drains"}`, "10.0.0.2", 200},
		{`{"for": "5m", "without": ["10.0.0.2"]}`, "10.0.0.3", 200},
		{`{"for": "5m1s"}`, "", 400},
		{`{"for": "0s"}`, "", 400},
		{`{}`, "", 400},
		{`{"for": "2m", "rate": "fast"}`, "", 400},
		{`{"for": "2m", "without": ["10.0.0.2", "10.0.0.3"]}`, "", 400},
		{`{"for": "2m", "why": "` + strings.Repeat("x", 5000) + `"}`, "", 400},
		{`{"for": "2m", "why": "\u001b[2J"}`, "", 400},
	} {
		before, began := f.Opened, time.Now()
		status, answer := asked(d, peersock.Peer{UID: edge}, "POST", client.HandOnPath, c.body)
		if status != c.status {
			t.Errorf("%.60s: %d %s, want %d", c.body, status, answer, c.status)
		}
		if c.status != 200 {
			if f.Opened != before {
				t.Errorf("%.60s opens %+v", c.body, f.Opened)
			}
			continue
		}
		var opened client.HandOnOpened
		if err := json.Unmarshal([]byte(answer), &opened); err != nil {
			t.Fatal(err)
		}
		if f.Opened.Next != netip.MustParseAddr(c.next) || opened.Next != f.Opened.Next || opened.Until.Before(began.Add(2*time.Minute)) {
			t.Errorf("%s: opened is %+v, the answer %s", c.body, f.Opened, answer)
		}
	}
	if _, answer := asked(d, peersock.Peer{UID: edge}, "GET", "/status", ""); !strings.Contains(answer, `"hand_on":{"mode":"monitor","next":"10.0.0.3","until":`) {
		t.Errorf("the status is %s", answer)
	}
	if _, text := asked(d, peersock.Peer{UID: edge}, "GET", "/metrics", ""); !strings.Contains(text, "theriac_scrub_hand_on_window_seconds 29") {
		t.Errorf("the metrics are %s", text)
	}
	if status, answer := asked(d, peersock.Peer{UID: edge}, "DELETE", client.HandOnPath, ""); status != 200 || !f.Opened.Until.IsZero() {
		t.Errorf("closing: %d %s, left is %+v", status, answer, f.Opened)
	}
	if _, text := asked(d, peersock.Peer{UID: edge}, "GET", "/metrics", ""); !strings.Contains(text, "theriac_scrub_hand_on_window_seconds 0\n") {
		t.Errorf("the metrics of a closed window are %s", text)
	}
	acts := d.trail.Acts()
	if len(acts) != 2 || acts[0].Act != "handon close" || acts[1].Act != "handon open" || acts[1].Why != "fra-2 drains" || acts[1].What != "10.0.0.2" {
		t.Errorf("the acts are %+v", acts)
	}
	if states := d.nexthops.states(); len(states) != 2 || states[1].To != netip.MustParseAddr("10.0.0.3") {
		t.Errorf("the next hops that are kept known: %+v", states)
	}
}

// TestWindowsNeedARing: without one, or if the kernel refuses, nothing is open.
func TestWindowsNeedARing(t *testing.T) {
	f := fakeplane.New()
	f.Refuse["set window"] = scrub.ErrNoRing
	d, _ := serving(t, f, "")
	root := peersock.Peer{UID: 0}
	for _, method := range []string{"POST", "DELETE"} {
		if status, answer := asked(d, root, method, client.HandOnPath, `{"for": "2m"}`); status != 409 || !strings.Contains(answer, "no section hand_on") {
			t.Errorf("%s: %d %s", method, status, answer)
		}
	}
	if s, err := d.status(time.Now()); err != nil || s.HandOn != nil {
		t.Errorf("the status has %+v, %v", s.HandOn, err)
	}
	broken := fakeplane.New()
	broken.Refuse["set window"] = errors.New("the kernel says no")
	d, _ = serving(t, broken, ringOfThree)
	if status, _ := asked(d, root, "POST", client.HandOnPath, `{"for": "2m"}`); status != 500 {
		t.Errorf("the kernel refuses: %d", status)
	}
	if len(d.trail.Acts()) != 0 {
		t.Errorf("what failed is an act: %+v", d.trail.Acts())
	}
}
