package bucket

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestOverload floods one bucket for eight seconds and counts what all edges
// admit. They must reach what one bucket in memory admits of the same takes,
// and not exceed the limit. The promise is 1.02, which `drill bench` holds the
// edges to; a hundredth more is for a machine that runs other tests meanwhile.
func TestOverload(t *testing.T) {
	t.Parallel()
	client := func(every time.Duration, burst int64) *Limit { return &Limit{Interval: every, Burst: burst} }
	whole := func(every time.Duration, burst int64) *Limit {
		return &Limit{Interval: every, Burst: burst, Spread: true}
	}
	for _, test := range []struct {
		name  string
		limit *Limit
		hit   int     // how many of the three edges
		times float64 // as much as the limit's rate
		most  float64 // commands per 1,000 takes; 0: any
	}{
		{"a shop at three edges", shopLimit(), 3, 10, 10},
		{"a shop at one edge", shopLimit(), 1, 10, 10},
		{"a shop that is hardly over its limit", whole(time.Millisecond, 500), 3, 1.1, 0},
		{"a shop whose burst is over before it is settled", whole(time.Millisecond, 100), 3, 3, 10},
		{"a shop without a burst at three edges", whole(10*time.Millisecond, 1), 3, 10, 0},
		{"a shop without a burst at one edge", whole(10*time.Millisecond, 1), 1, 10, 0},
		{"a client at one edge", client(50*time.Millisecond, 60), 1, 10, 0},
		{"a client at three edges", client(50*time.Millisecond, 60), 3, 10, 0},
		{"a client without a burst at one edge", client(100*time.Millisecond, 1), 1, 10, 0},
		{"a client without a burst at three edges", client(100*time.Millisecond, 1), 3, 10, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := need.Redis(t)
			stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
			memory, key := NewLocal(1<<20), sample.Key(test.name)
			var ideal atomic.Int64
			var l load
			server.Do("CONFIG", "RESETSTAT")
			sent := total(stores)
			rate := float64(time.Second) / float64(test.limit.Interval)
			took := l.run(stores[:test.hit], test.times*rate, 8*time.Second, func(r *edge, now time.Time) Decision {
				if memory.Take(key, test.limit, now).Allowed() {
					ideal.Add(1)
				}
				return r.Take(key, test.limit, now)
			})
			sent = total(stores) - sent
			got, limit := float64(l.admitted.Load()), float64(test.limit.Burst)+rate*took.Seconds()
			per1000 := float64(sent) * 1000 / float64(l.tried.Load())
			t.Logf("%.0f of %d admitted: %.3f of the limit (one bucket: %.3f); %.1f commands per 1,000; slowest %s",
				got, l.tried.Load(), got/limit, float64(ideal.Load())/limit, per1000, time.Duration(l.slowest.Load()))
			if got > 1.03*limit || got < 0.97*float64(ideal.Load()) {
				t.Errorf("%.0f admitted, the limit is %.0f and one bucket in memory admitted %d", got, limit, ideal.Load())
			}
			if test.most > 0 && per1000 > test.most {
				t.Errorf("%.1f commands per 1,000 takes, want at most %.0f", per1000, test.most)
			}
			if seen := evals(t, server); seen < sent-6 || seen > sent+6 {
				t.Errorf("the store saw %d commands, the edges sent %d", seen, sent)
			}
		})
	}
}

// evals is how many commands of ours the server saw, scripts' own calls aside.
func evals(t *testing.T, server *need.RedisServer) (calls int64) {
	for line := range strings.Lines(server.Do("INFO", "commandstats")) {
		for _, command := range []string{"cmdstat_evalsha:calls=", "cmdstat_eval:calls="} {
			if rest, ok := strings.CutPrefix(line, command); ok {
				digits, _, _ := strings.Cut(rest, ",")
				n, err := strconv.ParseInt(digits, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				calls += n
			}
		}
	}
	return calls
}

// TestOverloadUnshared is the control: edges that do not share their counts
// admit as much as the measure above would call wrong.
func TestOverloadUnshared(t *testing.T) {
	t.Parallel()
	var stores []*edge
	for range 3 {
		stores = append(stores, edges(t, 1, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: 5 * time.Second})...)
	}
	lim, key := shopLimit(), sample.Key("shop")
	var l load
	took := l.run(stores, 8000, 3*time.Second, func(r *edge, now time.Time) Decision { return r.Take(key, lim, now) })
	got, limit := float64(l.admitted.Load()), 1600+800*took.Seconds()
	if got < 2.9*limit {
		t.Errorf("%.0f admitted, want about three times the limit of %.0f", got, limit)
	}
}

// TestManyClients: a hundred clients, each below its limit but not quiet, are
// never refused and cost the store little.
func TestManyClients(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	lim, keys := &Limit{Interval: 50 * time.Millisecond, Burst: 60}, sample.Keys(300)
	var l load
	var turn atomic.Int64
	sent := total(stores)
	l.run(stores, 300*15, 4*time.Second, func(r *edge, now time.Time) Decision {
		i := int(turn.Add(1)) % 100
		for n, store := range stores { // each client sticks to one edge
			if r == store {
				i += 100 * n
			}
		}
		return r.Take(keys[i], lim, now)
	})
	per1000 := float64(total(stores)-sent) * 1000 / float64(l.tried.Load())
	t.Logf("%d takes of 300 clients: %.1f commands per 1,000", l.tried.Load(), per1000)
	if refused := l.tried.Load() - l.admitted.Load(); refused > 0 {
		t.Errorf("%d takes were refused", refused)
	}
	if per1000 > 10 {
		t.Errorf("%.1f commands per 1,000 takes, want at most 10", per1000)
	}
}

// TestCustomers: clients that keep to the limit are admitted.
func TestCustomers(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	t.Run("a page with its forty parts", func(t *testing.T) {
		lim, key := &Limit{Interval: 50 * time.Millisecond, Burst: 60}, sample.Key("a page")
		for i := range 5 {
			for part := range 40 {
				if d := stores[0].Take(key, lim, time.Now()); !d.Allowed() {
					t.Errorf("page %d: part %d must wait %s", i, part, d.Wait)
				}
			}
			time.Sleep(2 * time.Second)
		}
	})
	t.Run("one that comes back as told", func(t *testing.T) {
		lim, key := &Limit{Interval: 1500 * time.Millisecond, Burst: 5}, sample.Key("a patient customer")
		for range 5 {
			stores[1].Take(key, lim, time.Now())
		}
		for i := range 4 {
			d := stores[1].Take(key, lim, time.Now())
			if d.Allowed() {
				t.Errorf("round %d: the burst is used up, but a token was taken", i)
			}
			time.Sleep(d.Wait)
			if d := stores[1].Take(key, lim, time.Now()); !d.Allowed() {
				t.Errorf("round %d: a client that waited as told must wait %s more", i, d.Wait)
			}
		}
	})
	t.Run("addresses that come once never reach the store", func(t *testing.T) {
		before := server.Do("DBSIZE")
		lim := &Limit{Interval: time.Minute, Burst: 1}
		for _, key := range sample.Keys(10_000) {
			stores[2].Take(key, lim, time.Now())
		}
		time.Sleep(3 * settleGap)
		if got := server.Do("DBSIZE"); got != before {
			t.Errorf("the store had %s keys and has %s", before, got)
		}
	})
}
