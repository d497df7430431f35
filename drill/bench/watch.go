package bench

import (
	"context"
	"encoding/binary"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

// watchCount is what counting takes, without what it takes to make the requests that are counted.
func watchCount(context.Context, *Env) (float64, error) {
	var runs []float64
	for range 3 {
		with, err := counted(count)
		if err != nil {
			return 0, err
		}
		without, err := counted(func(*tally.Tally, *shop.Visit) {})
		if err != nil {
			return 0, err
		}
		runs = append(runs, with.Extra[cpuUnit]-without.Extra[cpuUnit])
	}
	return spreadOf(runs).median, nil
}

func watchAllocs(context.Context, *Env) (float64, error) {
	r, err := counted(count)
	return float64(r.AllocsPerOp()), err
}

// count counts a request of a stranger from its arrival to its end. Its answer is one write.
func count(t *tally.Tally, v *shop.Visit) {
	t.Arrive(v, false)
	t.Vouch(v, false)
	t.Through(v)
	t.Answer(v, "GET", 200)
	t.Leave(v)
}

// counted measures tell on two goroutines that serve one shop.
func counted(tell func(*tally.Tally, *shop.Visit)) (result testing.BenchmarkResult, err error) {
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
			work.Go(func() { countMany(shared, tell, worker, b.N/2) })
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

func countMany(t *tally.Tally, tell func(*tally.Tally, *shop.Visit), worker, requests int) {
	v := &shop.Visit{Shop: "loewen", Class: shop.Page, Start: time.Now()}
	for n := range uint64(requests) {
		hash := (n<<1 | uint64(worker)) * 0x9e3779b97f4a7c15 // spread like the key of a client
		binary.LittleEndian.PutUint64(v.Client[:], hash)
		v.Client[8], v.Counted = byte(hash>>56), shop.Counted{}
		tell(t, v)
	}
}
