package challenge

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEachPassReturnsOnce(t *testing.T) {
	var passes seenSet
	of := func(n uint64) (id [8]byte) {
		binary.LittleEndian.PutUint64(id[:], n)
		return id
	}
	var counted atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range uint64(1000) {
				if passes.add(of(n + 1)) {
					counted.Add(1)
				}
			}
		})
	}
	all.Wait()
	if got := counted.Load(); got != 1000 {
		t.Errorf("1000 passes, each used eight times, came back %d times", got)
	}
	// The control: a pass whose entry is taken is forgotten, so memory is bounded.
	if !passes.add(of(1+uint64(len(passes)))) || !passes.add(of(1)) {
		t.Error("two passes share an entry, and one of them is not new")
	}
}
