package bucket

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// A step takes some tokens at a time, in intervals of the limit since the
// start, and says how many of them there are.
type step struct {
	at   float64
	take int
	want int
}

// steps hold for every place that does the arithmetic: Go, and the script in
// the store. No time is at the edge of a token's, so that a real clock will do.
var steps = []struct {
	name  string
	burst int64
	steps []step
}{
	{"a quiet key has its whole burst", 3, []step{{0, 5, 3}}},
	{"a token comes back with each interval", 3, []step{{0, 3, 3}, {0.5, 2, 0}, {1.5, 2, 1}, {3.5, 3, 2}}},
	{"a long rest gives no more than the burst", 2, []step{{0, 2, 2}, {8.5, 5, 2}}},
	{"refusals cost nothing", 1, []step{{0, 9, 1}, {0.5, 9, 0}, {1.5, 9, 1}, {2.2, 9, 0}}},
	{"a slow key is never refused", 1, []step{{0, 1, 1}, {1.5, 1, 1}, {3, 1, 1}, {4.5, 1, 1}}},
	{"a burst is refilled in part", 4, []step{{0, 4, 4}, {2.5, 1, 1}, {2.6, 4, 1}, {4.5, 4, 2}}},
}

// walk takes the steps of every table by take, after sleep has made it the
// time of the step.
func walk(t *testing.T, every time.Duration, sleep func(since time.Duration), take func(name string, lim *Limit, since time.Duration) bool) {
	for _, test := range steps {
		t.Run(test.name, func(t *testing.T) {
			lim := &Limit{Interval: every, Burst: test.burst}
			for i, s := range test.steps {
				since := time.Duration(s.at * float64(every))
				sleep(since)
				got := 0
				for range s.take {
					if take(test.name, lim, since) {
						got++
					}
				}
				if got != s.want {
					t.Errorf("step %d: got %d tokens after %.1f intervals, want %d", i, got, s.at, s.want)
				}
			}
		})
	}
}

func TestStepsInMemory(t *testing.T) {
	m, start := NewLocal(1<<20), time.Unix(1_000_000_000, 0)
	walk(t, time.Second, func(time.Duration) {}, func(name string, lim *Limit, since time.Duration) bool {
		return m.Take(sample.Key(name), lim, start.Add(since)).Allowed()
	})
}

func TestStepsByScript(t *testing.T) {
	server := miniredis.RunT(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})[0]
	start := time.Unix(1_800_000_000, 0)
	walk(t, time.Second, func(since time.Duration) { server.SetTime(start.Add(since)) },
		func(name string, lim *Limit, _ time.Duration) bool {
			taken, _, err := store.takeShared(context.Background(), sample.Key(name), lim)
			if err != nil {
				t.Fatal(err)
			}
			return taken
		})
}

func TestStepsByRealClock(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
	var start time.Time
	sleep := func(since time.Duration) {
		if since == 0 {
			start = time.Now()
		}
		time.Sleep(time.Until(start.Add(since)))
	}
	walk(t, 250*time.Millisecond, sleep, func(name string, lim *Limit, _ time.Duration) bool {
		taken, _, err := store.takeShared(context.Background(), sample.Key(name), lim)
		if err != nil {
			t.Fatal(err)
		}
		return taken
	})
}

func TestDecision(t *testing.T) {
	m, start := NewLocal(1<<20), time.Unix(1_000_000_000, 0)
	lim := &Limit{Interval: time.Second, Burst: 3}
	key := sample.Key("a visitor")
	for i, want := range []struct {
		at   time.Duration
		want Decision
	}{
		{0, Decision{Remaining: 2}},
		{0, Decision{Remaining: 1}},
		{500 * time.Millisecond, Decision{Remaining: 0}},
		{500 * time.Millisecond, Decision{Wait: 500 * time.Millisecond, Refusals: 1}},
		{600 * time.Millisecond, Decision{Wait: 400 * time.Millisecond, Refusals: 2}},
		{time.Second, Decision{Remaining: 0, Refusals: 2}},
		{4 * time.Second, Decision{Remaining: 2}},
	} {
		now := start.Add(want.at)
		if got := m.Peek(key, lim, now); got != want.want {
			t.Errorf("step %d: Peek: got %+v, want %+v", i, got, want.want)
		}
		if got := m.Take(key, lim, now); got != want.want {
			t.Errorf("step %d: Take: got %+v, want %+v", i, got, want.want)
		}
	}
}

func TestTermsOfExtremeLimits(t *testing.T) {
	for _, test := range []*struct {
		name          string
		limit         Limit
		every, window int64
	}{
		{"nothing at all is one token a nanosecond", Limit{}, 1, 1},
		{"a burst below one is one", Limit{Interval: time.Second, Burst: -5}, 1e9, 1e9},
		{"the widest rate and burst do not overflow", Limit{Interval: 24 * time.Hour, Burst: 10_000_000}, 86400e9, maxWindow},
		{"a product beyond 64 bits does not either", Limit{Interval: 1 << 62, Burst: 1 << 62}, 1 << 62, maxWindow},
	} {
		t.Run(test.name, func(t *testing.T) {
			every, window := test.limit.terms()
			if every != test.every || window != test.window {
				t.Errorf("got %d and %d, want %d and %d", every, window, test.every, test.window)
			}
		})
	}
}
