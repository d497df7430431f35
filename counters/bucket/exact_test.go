package bucket

import (
	"context"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestExact has three edges take from one bucket at once: not one token more
// than the limit, and a flood of refused takes that the store never sees.
func TestExact(t *testing.T) {
	t.Parallel()
	for _, test := range []*struct {
		name  string
		limit Limit
		most  float64 // commands per 1,000 takes
	}{
		{"5 a minute", Limit{Interval: 12 * time.Second, Burst: 5}, 10},
		{"50 a second", Limit{Interval: 20 * time.Millisecond, Burst: 10, Spread: true}, 300},
		{"700 a second, at a crooked interval", Limit{Interval: 1428571, Burst: 70, Spread: true}, 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := need.Redis(t)
			stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
			lim, key := &test.limit, sample.Key(test.name)
			var l load
			commands := total(stores)
			took := l.run(stores, 2000, 5*time.Second, func(r *edge, now time.Time) Decision {
				return r.TakeExact(context.Background(), key, lim, now)
			})
			every, window := lim.terms()
			most := (window + int64(took)) / every
			per1000 := float64(total(stores)-commands) * 1000 / float64(l.tried.Load())
			t.Logf("%d of %d admitted, the limit is %d; %.1f commands per 1,000", l.admitted.Load(), l.tried.Load(), most, per1000)
			if got := l.admitted.Load(); got > most || float64(got) < 0.8*float64(most) {
				t.Errorf("%d admitted, want at most %d and not much less", got, most)
			}
			if per1000 > test.most {
				t.Errorf("%.1f commands per 1,000 takes, want at most %.0f", per1000, test.most)
			}
		})
	}
}

// TestExactKeepsItsPromise: a client that waits as long as it was told is admitted. How long the store's
// answers took may be added to that: an edge cannot know when they were given.
func TestExactKeepsItsPromise(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
	lim, key := &Limit{Interval: 100 * time.Millisecond, Burst: 1}, sample.Key("a customer")
	ctx := context.Background()
	for i := range 20 {
		d := store.TakeExact(ctx, key, lim, time.Now())
		for more := time.Duration(0); !d.Allowed(); d = store.TakeExact(ctx, key, lim, time.Now()) {
			if more += d.Wait; more > lim.Interval/2 {
				t.Fatalf("round %d: a client that waited as told must wait %s more", i, more)
			}
			time.Sleep(d.Wait)
		}
		d = store.TakeExact(ctx, key, lim, time.Now())
		if d.Allowed() {
			t.Errorf("round %d: the second token was taken at once", i)
		}
		time.Sleep(d.Wait)
	}
}

// TestExactOfAGoneVisitor: hanging up does not make a try free.
func TestExactOfAGoneVisitor(t *testing.T) {
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
	lim, key := &Limit{Interval: time.Hour, Burst: 3}, sample.Key("a bot")
	ctx, hangUp := context.WithCancel(context.Background())
	hangUp()
	allowed := 0
	for range 10 {
		if store.TakeExact(ctx, key, lim, time.Now()).Allowed() {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("%d tries were allowed, want 3", allowed)
	}
	if st := store.Status(); !st.Shared {
		t.Errorf("the store was given up: %s", st.Reason)
	}
}

func total(stores []*edge) (commands int64) {
	for _, r := range stores {
		commands += r.Status().Commands
	}
	return commands
}
