package keyset

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

func TestSet(t *testing.T) {
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
			m, key := New(1), sample.Key(test.name)
			if !m.Add(&key, start, test.life) {
				t.Error("the first use is none")
			}
			if got := m.Add(&key, start.Add(test.at), test.life); got != test.want {
				t.Errorf("the second use: first is %t, want %t", got, test.want)
			}
		})
	}
}

// TestSetFlood: keys beyond what fits displace those that end first.
func TestSetFlood(t *testing.T) {
	const share = 64 << 10
	before := sample.Heap()
	m, now := New(share), time.Now()
	long := sample.Keys(500)
	for i := range long {
		if !m.Add(&long[i], now, time.Hour) {
			t.Error("a key is in the set that was never added")
		}
	}
	flood := sample.Keys(100_500)[500:]
	for i := range flood {
		m.Add(&flood[i], now, time.Minute)
	}
	if grown := sample.Heap() - before; grown > share+100_000*17 {
		t.Errorf("%d bytes are used, want %d and the keys", grown, share)
	}
	again := 0
	for i := range long {
		if m.Add(&long[i], now, time.Hour) {
			again++
		}
	}
	if again > 0 {
		t.Errorf("%d of %d keys that end last were displaced", again, len(long))
	}
	if got, want := m.Evicted(), int64(len(flood)+len(long)-len(m.buckets)*ways); got != want {
		t.Errorf("%d keys are displaced, want %d: those that do not fit", got, want)
	}
	over := now.Add(time.Hour)
	for i := range flood[:500] {
		m.Add(&flood[i], over, time.Minute)
	}
	if got, want := m.Evicted(), int64(len(flood)+len(long)-len(m.buckets)*ways); got != want {
		t.Errorf("%d keys are displaced, want %d still: all others are over", got, want)
	}
}
