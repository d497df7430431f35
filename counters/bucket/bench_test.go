package bucket

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

// BenchmarkTake measures one decision: of one key, which is refused most of
// the time, and of a million keys in turn, with and without room for them.
func BenchmarkTake(b *testing.B) {
	lim := &Limit{Interval: 50 * time.Millisecond, Burst: 60, Patience: 30, Penalty: time.Minute}
	million := sample.Keys(1 << 20)
	for _, bench := range []struct {
		name string
		keys []netkey.Key
		cap  int64
	}{{"one", million[:1], 64 << 20}, {"million", million, 256 << 20}, {"flood", million, 16 << 20}} {
		shared, lost := unreached(b, bench.cap), unreached(b, bench.cap)
		shared.tier.Assume(false, 1)
		for i, store := range []store{NewLocal(bench.cap), shared, lost} {
			kind, now := []string{"memory", "redis", "lost"}[i], time.Now()
			for _, key := range bench.keys {
				store.Take(key, lim, now)
			}
			b.Run(bench.name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					store.Take(bench.keys[i&(len(bench.keys)-1)], lim, now)
				}
			})
			b.Run(bench.name+"/"+kind+"/parallel", func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for i := rand.Int(); pb.Next(); i++ {
						store.Take(bench.keys[i&(len(bench.keys)-1)], lim, now)
					}
				})
			})
		}
	}
}
