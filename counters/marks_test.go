package counters

import (
	"testing"
	"time"
)

func TestMarks(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		name string
		life time.Duration
		at   time.Duration // of the second use
		want bool
	}{
		{"at once", time.Minute, 0, false},
		{"just before the end", time.Minute, time.Minute - 1, false},
		{"at the end", time.Minute, time.Minute, true},
		{"no life is the shortest", 0, 0, false},
		{"for ever is long", 1<<63 - 1, 200 * 24 * time.Hour, false},
		{"a clock that ran backwards", time.Minute, -24 * time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, key := newMarks(1), keyOf(test.name)
			if !m.first(&key, start, test.life) {
				t.Error("the first use is none")
			}
			if got := m.first(&key, start.Add(test.at), test.life); got != test.want {
				t.Errorf("the second use: first is %t, want %t", got, test.want)
			}
		})
	}
}

// TestMarksFlood: marks beyond what fits displace those that end first.
func TestMarksFlood(t *testing.T) {
	const share = 64 << 10
	before := heap()
	m, now := newMarks(share), time.Now()
	long := many(500)
	for i := range long {
		if !m.first(&long[i], now, time.Hour) {
			t.Error("a key is marked that was never used")
		}
	}
	flood := many(100_500)[500:]
	for i := range flood {
		m.first(&flood[i], now, time.Minute)
	}
	if grown := heap() - before; grown > share+100_000*17 {
		t.Errorf("%d bytes are used, want %d and the keys", grown, share)
	}
	again := 0
	for i := range long {
		if m.first(&long[i], now, time.Hour) {
			again++
		}
	}
	if again > 0 {
		t.Errorf("%d of %d marks that end last were displaced", again, len(long))
	}
	if got, want := m.evicted.Load(), int64(len(flood)+len(long)-len(m.sets)*markWays); got != want {
		t.Errorf("%d marks are displaced, want %d: those that do not fit", got, want)
	}
	over := now.Add(time.Hour)
	for i := range flood[:500] {
		m.first(&flood[i], over, time.Minute)
	}
	if got, want := m.evicted.Load(), int64(len(flood)+len(long)-len(m.sets)*markWays); got != want {
		t.Errorf("%d marks are displaced, want %d still: all others are over", got, want)
	}
}
