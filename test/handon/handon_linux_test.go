package handon

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
)

const (
	connections = 300
	most        = connections / 100    // that may break
	least       = connections * 3 / 10 // that break without hand-on
	window      = 5 * time.Minute
)

// TestHandOn moves connections as a router does when an edge leaves, returns and
// dies, with a window open and without. Its parts share a tier, whose programs take
// seconds to load.
func TestHandOn(t *testing.T) {
	r := newTier(t)
	t.Run("no window is open", func(t *testing.T) {
		leaving, returning := r.moved(t)
		if leaving < least || returning < least {
			t.Errorf("%d of %d connections break when an edge leaves and %d when it returns: nothing shows what hand-on does", leaving, connections, returning)
		}
		if handed, watched := r.counted(t, "handed_on"); handed+watched != 0 {
			t.Errorf("%d segments were handed on, and %d counted", handed, watched)
		}
	})
	t.Run("only counted", func(t *testing.T) {
		r.mode(t, scrub.HandOnMonitor)
		defer r.mode(t, scrub.HandOnOn)
		r.window(t, window)
		leaving, _ := r.moved(t)
		if handed, watched := r.counted(t, "handed_on"); leaving < least || handed != 0 || watched == 0 {
			t.Errorf("%d break, %d segments are handed on and %d counted", leaving, handed, watched)
		}
	})
	t.Run("handed on", func(t *testing.T) {
		r.window(t, window)
		leaving, returning := r.moved(t)
		handed, _ := r.counted(t, "handed_on")
		if leaving > most || returning > most || handed == 0 {
			t.Errorf("%d of %d break when an edge leaves and %d when it returns, want %d at most; %d segments were handed on", leaving, connections, returning, most, handed)
		}
		tooBig, _ := r.counted(t, "too_big")
		if tooBig == 0 {
			t.Error("no segment was too long for the tunnel, of which the client has to be told")
		}
		t.Logf("%d segments handed on, %d too big", handed, tooBig)
	})
	t.Run("an edge dies", r.testDeath)
}

// moved has the first edge leave and return, and returns how many connections break
// each time: of those opened before it left, and of those opened while it was away.
func (r *tier) moved(t *testing.T) (leaving, returning int) {
	t.Helper()
	before := r.hold(t, connections)
	if err := r.Announce(1, 2); err != nil {
		t.Fatal(err)
	}
	left, lost := broken(before)
	meanwhile := r.hold(t, connections) // fails if one of them does
	if err := r.Announce(0, 1, 2); err != nil {
		t.Fatal(err)
	}
	stayed, lostThen := broken(meanwhile)
	t.Logf("broken of %d: %v when the first edge leaves, %v when it returns", connections, lost, lostThen)
	closeAll(left)
	closeAll(stayed)
	return sum(lost), sum(lostThen)
}

// testDeath: the connections of an edge that dies are lost, and those that the router
// moves between the others are not.
func (r *tier) testDeath(t *testing.T) {
	all := r.hold(t, connections)
	own := 0
	for _, h := range all {
		if h.edge == "0" {
			own++
		}
	}
	r.window(t, window, lab.EdgeAddr(0))
	before, _ := r.counted(t, "handed_on")
	if err := r.Announce(1, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Cut(0); err != nil {
		t.Fatal(err)
	}
	left, lost := broken(all)
	closeAll(left)
	if lost["0"] != own || sum(lost)-own > most {
		t.Errorf("broken %v, want the %d of the first edge and at most %d others", lost, own, most)
	}
	if handed, _ := r.counted(t, "handed_on"); handed == before {
		t.Error("the router has moved no connection of an edge that lives")
	}
}
