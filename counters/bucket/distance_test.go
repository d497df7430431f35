package bucket

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestDistance: a store far away is shared, by the default settings: two edges hold one exact
// limit together, and nobody is told that it was lost.
func TestDistance(t *testing.T) {
	t.Parallel()
	for _, trip := range []time.Duration{15 * time.Millisecond, 40 * time.Millisecond} {
		t.Run(trip.String(), func(t *testing.T) {
			t.Parallel()
			var news atomic.Int32
			opts := tier.Options{Addresses: []string{far(t, need.Redis(t).Addr, trip/2)}, OnChange: func(bool, string) { news.Add(1) }}
			stores := edges(t, 2, opts)
			lim, key := &Limit{Interval: 20 * time.Millisecond, Burst: 25, Spread: true}, sample.Key("shop")
			var takers sync.WaitGroup
			var tried, admitted atomic.Int64
			begin := time.Now()
			for i := range 16 {
				takers.Go(func() {
					for time.Since(begin) < 4*time.Second {
						if stores[i%2].TakeExact(context.Background(), key, lim, time.Now()).Allowed() {
							admitted.Add(1)
						}
						tried.Add(1)
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
			takers.Wait()
			took := time.Since(begin)
			most := int64(took/lim.Interval) + lim.Burst
			t.Logf("%d of %d admitted, at most %d should be", admitted.Load(), tried.Load(), most)
			if got := admitted.Load(); got > most+most/10 || got < most*8/10 {
				t.Errorf("%d admitted, want about %d", got, most)
			}
			if news.Load() > 2 { // each edge has found the store
				t.Errorf("the store was lost: %d changes", news.Load())
			}
		})
	}
}

// far returns an address behind which a server answers that is so far away, one way.
func far(t *testing.T, server string, way time.Duration) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			time.AfterFunc(2*way, func() { // SYN and SYN-ACK
				distant, err := net.Dial("tcp", server)
				if err != nil {
					near.Close()
					return
				}
				go delayed(distant, near, way)
				go delayed(near, distant, way)
			})
		}
	}()
	return l.Addr().String()
}

// delayed copies what it reads, each piece as much later.
func delayed(to, from net.Conn, by time.Duration) {
	type piece struct {
		at   time.Time
		data []byte
	}
	pieces := make(chan piece, 1<<14)
	go func() {
		defer close(pieces)
		for {
			room := make([]byte, 32<<10)
			n, err := from.Read(room)
			pieces <- piece{time.Now().Add(by), room[:n]}
			if err != nil {
				return
			}
		}
	}()
	defer to.Close()
	defer from.Close()
	for p := range pieces {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.data); err != nil && err != io.EOF {
			return
		}
	}
}
