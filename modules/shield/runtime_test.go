package shield

import (
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// clockOf is a store by whose clock it is always the same time.
type clockOf struct {
	counters.Store
	at time.Time
}

func (c clockOf) Time(time.Time) time.Time { return c.at }

// TestDaysBeginTogether: edges whose clocks differ count a client under one key, also around
// midnight.
func TestDaysBeginTogether(t *testing.T) {
	midnight, addr := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), netip.MustParseAddr("192.0.2.1")
	keyAt := func(own, agreed time.Time, follow bool) netkey.Key {
		h, err := netkey.NewHasher([]byte("0123456789abcdef0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		if follow {
			h.Follow((&runtime{store: clockOf{at: agreed}}).time)
		}
		return h.Client(own, addr)
	}
	apart := 0
	for _, off := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		for _, at := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
			agreed := midnight.Add(at)
			wrong, right := keyAt(agreed.Add(off), agreed, true), keyAt(agreed, agreed, true)
			if wrong != right {
				t.Errorf("%s from midnight, an edge whose clock is %s ahead counts apart", at, off)
			}
			if keyAt(agreed.Add(off), agreed, false) != right {
				apart++
			}
		}
	}
	if apart != 4 {
		t.Errorf("the control: by its own clock an edge counts apart %d times, want 4", apart)
	}
}
