package banindex

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// made has this edge make a ban for what happened at a shop.
func (x *Index) made(key byte, at shop.ID) {
	e := event(key, "", false)
	e.Told = time.Now()
	x.Request(Pending{Ban: e.Ban, Client: home, At: at})
	x.Apply(e)
}

// TestHidden: what never became a request is counted for the shop for which this edge has made the
// ban, as long as that holds, and for no other.
func TestHidden(t *testing.T) {
	for what, c := range map[string]struct {
		ban     func(*Index)
		counted bool
	}{
		"by this edge":         {func(x *Index) { x.made(1, "loewen") }, true},
		"and renewed":          {func(x *Index) { x.made(1, "loewen"); x.Apply(event(1, "", false)) }, true},
		"again, for this shop": {func(x *Index) { x.made(1, "sonnen"); x.made(1, "loewen") }, true},
		"at one shop as well":  {func(x *Index) { x.made(1, "loewen"); x.Apply(event(1, "sonnen", true)) }, true},
		"for another shop":     {func(x *Index) { x.made(1, "sonnen") }, false},
		"another client":       {func(x *Index) { x.made(2, "loewen") }, false},
		"by another edge":      {func(x *Index) { x.Apply(event(1, "", false)); x.Meet(netkey.Key{1}, home) }, false},
		"by an operator":       {func(x *Index) { x.made(1, "") }, false},
		"which is over":        {func(x *Index) { x.made(1, "loewen"); x.Apply(event(1, "", true)) }, false},
		"which was refused": {func(x *Index) {
			x.Request(Pending{Ban: event(1, "", false).Ban, Client: home, At: "loewen"})
			e := event(1, "", false)
			e.Kind = ban.Refused
			x.Apply(e)
		}, false},
	} {
		x := New()
		c.ban(x)
		x.CountPackets(netkey.Key{1}, 1000)
		x.CountConnection(netkey.Key{1})
		x.CountConnection(netkey.Key{1})
		want := [3]uint64{}
		if c.counted {
			want = [3]uint64{1002, 1000, 2}
		}
		all, packets, connections := x.Hidden("loewen")
		if got := [3]uint64{all, packets, connections}; got != want {
			t.Errorf("banned %s: %d, want %d", what, got, want)
		}
	}
}

// TestHiddenIsBounded: many shops have no more counts than there can be shops.
func TestHiddenIsBounded(t *testing.T) {
	x := New()
	for n := range maxShops + 10 {
		x.mu.Lock()
		x.belongs(netkey.Key{byte(n), byte(n >> 8)}, shop.ID(fmt.Sprint("shop-", n)))
		x.mu.Unlock()
	}
	if len(x.hidden) != maxShops {
		t.Errorf("%d shops, want %d", len(x.hidden), maxShops)
	}
}

// TestHiddenAllocatesNothing: the gate counts each connection that it refuses.
func TestHiddenAllocatesNothing(t *testing.T) {
	x := New()
	x.made(1, "loewen")
	if n := testing.AllocsPerRun(100, func() {
		x.CountConnection(netkey.Key{1})
		x.CountConnection(netkey.Key{2})
		x.Hidden("loewen")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
