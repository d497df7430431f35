package bench

import (
	"context"
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

func watchCount(context.Context, *Env) (float64, error) {
	var runs []float64
	for range 3 {
		r, err := counted()
		if err != nil {
			return 0, err
		}
		runs = append(runs, r.Extra[cpuUnit])
	}
	return slices.Min(runs), nil // other work on the machine can only add to it
}

func watchAllocs(context.Context, *Env) (float64, error) {
	r, err := counted()
	return float64(r.AllocsPerOp()), err
}

// counted measures what it costs to count a request of a stranger from its arrival to its end,
// on two goroutines that serve one shop. Its answer is one write.
func counted() (result testing.BenchmarkResult, err error) {
	result = testing.Benchmark(func(b *testing.B) {
		shared := tally.New(time.Now())
		before, failed := load.CPUTime(os.Getpid())
		if failed != nil {
			err = failed
			return
		}
		b.ResetTimer()
		var work sync.WaitGroup
		for worker := range 2 {
			work.Go(func() { countMany(shared, worker, b.N/2) })
		}
		work.Wait()
		after, failed := load.CPUTime(os.Getpid())
		if failed != nil {
			err = failed
			return
		}
		b.ReportMetric(float64(after-before)/float64(b.N), cpuUnit)
	})
	return result, err
}

// ring is how many requests a worker has memory for. They are on the heap, as those of an edge.
const ring = 64

func countMany(t *tally.Tally, worker, requests int) {
	visits := make([]*shop.Visit, ring)
	for i := range visits {
		visits[i] = &shop.Visit{Shop: "loewen", Class: shop.Page, Start: time.Now()}
	}
	for n := range uint64(requests) {
		v := visits[n%ring]
		hash := (n<<1 | uint64(worker)) * 0x9e3779b97f4a7c15 // spread like the key of a client
		binary.LittleEndian.PutUint64(v.Client[:], hash)
		v.Client[8], v.Counted = byte(hash>>56), shop.Counted{}
		t.Arrive(v, false)
		t.Vouch(v, false)
		t.Through(v)
		t.Answer(v, "GET", 200)
		t.Leave(v)
	}
}
