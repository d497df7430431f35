// Package sample has what tests of counters and replicated state need alike: keys,
// memory in use, and waiting for what comes to be.
//
// It imports nothing of the product but keys, so every package's own tests may use
// it. It fails a test, never a process.
package sample

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Main runs a package's tests, of which none may leave a goroutine behind. More run
// at once than there are cores, since the long ones mostly sleep.
func Main(m *testing.M) {
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(lingering{m})
}

// lingering are tests after which goroutines may go on for a moment: go-redis sleeps for a
// second between two tries to reach a server, also when its client is closed.
type lingering struct{ *testing.M }

func (l lingering) Run() int {
	code := l.M.Run()
	for end := time.Now().Add(3 * time.Second); goleak.Find() != nil && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	return code
}

// Key makes a key of a name.
func Key(name string) (key netkey.Key) {
	copy(key[:], name)
	for i := range key { // spread the bits
		key[i] ^= byte(i * 37)
	}
	return key
}

// Keys are n keys as a flood from many addresses brings them, the same in each
// call.
func Keys(n int) []netkey.Key {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([]netkey.Key, n)
	for i := range keys {
		binary.LittleEndian.PutUint64(keys[i][:8], r.Uint64())
		binary.LittleEndian.PutUint64(keys[i][8:], r.Uint64())
	}
	return keys
}

// Heap is how many bytes are in use.
func Heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// pause is the time between two looks.
const pause = 5 * time.Millisecond

// Within waits until ok returns true, and ends the test if it does not. Patience is
// counted in looks at it, one each 5 ms: where a busy machine keeps this process
// waiting, it keeps the product waiting also, and that is not held against it.
func Within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	for left := patience; !ok(); left -= pause {
		if left <= 0 {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(pause)
	}
}
