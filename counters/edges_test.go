package counters

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// TestMain lets more tests run at once than there are cores: the long ones
// mostly sleep.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// edges starts n edges that share the store of opts, and waits until each of
// them knows of all.
func edges(t testing.TB, n int, opts RedisOptions) []*Redis {
	t.Helper()
	stores := make([]*Redis, n)
	for i := range stores {
		o := opts
		o.Node = fmt.Sprintf("edge-%d", i+1)
		if o.Memory == 0 {
			o.Memory = 8 << 20
		}
		store, err := NewRedis(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Errorf("closing %s: %v", o.Node, err)
			}
		})
		store.Start()
		stores[i] = store
	}
	for _, store := range stores {
		within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := store.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

// within waits until ok says yes.
func within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// load is takes at a steady rate, shared out evenly between the stores.
type load struct {
	tried, admitted atomic.Int64
	slowest, slow   atomic.Int64 // of the takes; how many needed more than 5 ms
}

// run takes perSecond tokens a second for d. It returns how long that took.
func (l *load) run(stores []*Redis, perSecond float64, d time.Duration, take func(r *Redis, now time.Time) Decision) time.Duration {
	var wg sync.WaitGroup
	began := time.Now()
	for _, store := range stores {
		wg.Go(func() {
			share := perSecond / float64(len(stores))
			for done := 0.0; ; time.Sleep(time.Millisecond) {
				elapsed := time.Since(began)
				if elapsed > d {
					return
				}
				for ; done < share*elapsed.Seconds(); done++ {
					l.one(store, take)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func (l *load) one(store *Redis, take func(r *Redis, now time.Time) Decision) {
	began := time.Now()
	d := take(store, began)
	if time.Since(began) > 5*time.Millisecond {
		l.slow.Add(1)
	}
	for took := int64(time.Since(began)); ; {
		old := l.slowest.Load()
		if took <= old || l.slowest.CompareAndSwap(old, took) {
			break
		}
	}
	l.tried.Add(1)
	if d.Allowed() {
		l.admitted.Add(1)
	}
}

func keyOf(name string) (key netkey.Key) {
	copy(key[:], name)
	for i := range key { // spread the bits
		key[i] ^= byte(i * 37)
	}
	return key
}
