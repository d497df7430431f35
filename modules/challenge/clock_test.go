package challenge

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// clockOf is a store of an edge whose own clock is ahead of the time that the edges agree on.
type clockOf struct {
	counters.Store
	ahead time.Duration
}

func (c clockOf) Time(now time.Time) time.Time { return now.Add(-c.ahead).Round(0) }

// edge is a stage at an edge whose clock is ahead, or behind.
func edgeAhead(t *testing.T, ahead time.Duration, knows bool) *stage {
	s := openStage(t)
	s.now = s.now.Add(ahead)
	if knows {
		s.store = clockOf{s.store, ahead}
	}
	return s
}

// granted is the cookie of a pass that the edge issues.
func (s *stage) granted(from string) string {
	w, r, v := httptest.NewRecorder(), request(), s.visit(from)
	s.grantPass(w, r, v, &pow.Challenge{Level: uint8(shop.Attack), Binding: s.binding(r)}, pow.Work, true)
	c := w.Result().Cookies()[0]
	return c.Name + "=" + c.Value
}

// TestClocksOfEdges: what one edge issues, another accepts, for as long as it was issued for,
// though the clock of either is wrong. An edge that does not know the time of the others
// accepts it early, but not late.
func TestClocksOfEdges(t *testing.T) {
	const from = "192.0.2.1"
	lasts := prices[shop.Attack].lasts
	for _, off := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		for _, way := range []struct {
			name         string
			makes, takes time.Duration
		}{{"issued here", off, 0}, {"accepted here", 0, off}} {
			t.Run(off.String()+" "+way.name, func(t *testing.T) {
				makes, takes := edgeAhead(t, way.makes, true), edgeAhead(t, way.takes, true)
				pass := makes.granted(from)
				takes.now = takes.now.Add(time.Second)
				if !takes.passes(from, pass) {
					t.Error("a pass that was issued now is refused")
				}
				token := makes.issue(request(), makes.visit(from), 0)
				if _, _, err := takes.keys().OpenChallenge(token, takes.Handler.now(takes.visit(from))); err != nil {
					t.Errorf("a challenge that was issued now: %v", err)
				}
				takes.now = takes.now.Add(lasts - 3*time.Second)
				if !takes.passes(from, pass) {
					t.Error("it is over too early")
				}
				takes.now = takes.now.Add(3 * time.Second)
				if takes.passes(from, pass) {
					t.Error("it is over too late")
				}
				takes.now = takes.now.Add(-lasts)
				makes.now, takes.since = makes.now.Add(-24*time.Hour), takes.now.Add(-takes.Handler.store.(clockOf).ahead).Add(-time.Minute)
				if stamp := makes.stampFrom(from); !takes.passes(from, stamp) {
					t.Error("a time stamp of yesterday does not count")
				}
			})
		}
		t.Run(off.String()+" and not known", func(t *testing.T) {
			makes, takes := edgeAhead(t, max(0, off), false), edgeAhead(t, min(0, off), false)
			if !takes.passes(from, makes.granted(from)) {
				t.Error("a pass from an edge whose clock is ahead is refused")
			}
			makes, takes = edgeAhead(t, min(0, off), false), edgeAhead(t, max(0, off), false)
			if accepted := takes.passes(from, makes.granted(from)); accepted != (off.Abs() < lasts) {
				t.Errorf("the control: a pass from an edge whose clock is behind is accepted %t", accepted)
			}
		})
	}
}
