package clock

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
)

// clockOf is a store by whose clock it is always the same time.
type clockOf struct {
	counters.Store
	at time.Time
}

func (c clockOf) Time(time.Time) time.Time { return c.at }

// TestTheAgreedTimeIsBounded: the store's clock is believed within two hours of the edge's own.
func TestTheAgreedTimeIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for off, want := range map[time.Duration]time.Duration{
		0: 0, time.Hour: time.Hour, -time.Hour: -time.Hour, -3 * time.Hour: -MaxApart, 50 * 365 * 24 * time.Hour: MaxApart,
	} {
		if got := Agreed(clockOf{at: now.Add(off)}, now).Sub(now); got != want {
			t.Errorf("the store's is %s ahead: the time is %s ahead, want %s", off, got, want)
		}
	}
}
