package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func take(context.Context, *Env) (float64, error) {
	var runs []float64
	for range 3 {
		r, err := takes()
		if err != nil {
			return 0, err
		}
		runs = append(runs, r.Extra[cpuUnit])
	}
	return spreadOf(runs).median, nil
}

func takeAllocs(context.Context, *Env) (float64, error) {
	r, err := takes()
	return float64(r.AllocsPerOp()), err
}

// cpuUnit is CPU time of this process: unlike wall-clock time, it does not include
// other load on the machine.
const cpuUnit = "cpu-ns/op"

// takes measures decisions about many clients in turn, each of which is slow
// enough to be allowed: the costlier answer.
func takes() (testing.BenchmarkResult, error) {
	const clients = 1 << 16
	keys := make([]netkey.Key, clients)
	for i := range keys {
		binary.LittleEndian.PutUint64(keys[i][:], uint64(i)*0x9e3779b97f4a7c15) // spread like a hash
		binary.LittleEndian.PutUint64(keys[i][8:], uint64(i)*0xc2b2ae3d27d4eb4f)
	}
	var err error
	result := testing.Benchmark(func(b *testing.B) {
		err = takeMany(b, keys)
	})
	if err == nil && result.N == 0 {
		err = errors.New("the benchmark did not run")
	}
	return result, err
}

func takeMany(b *testing.B, keys []netkey.Key) error {
	store := counters.NewMemory(64 << 20)
	defer store.Close()
	lim := &counters.Limit{Interval: 50 * time.Millisecond, Burst: 60}
	now, refusals := time.Now(), 0
	for i := range keys {
		store.Take(keys[i], lim, now)
	}
	before, err := load.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	b.ResetTimer()
	for i := range b.N {
		now = now.Add(time.Microsecond)
		if !store.Take(keys[i%len(keys)], lim, now).Allowed() {
			refusals++
		}
	}
	after, err := load.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	b.ReportMetric(float64(after-before)/float64(b.N), cpuUnit)
	if refusals > 0 {
		return fmt.Errorf("%d of %d decisions were refusals", refusals, b.N)
	}
	return nil
}
