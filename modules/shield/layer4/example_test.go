package layer4_test

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/watch"
)

// An edge whose gate refuses 500 connections a second from the third second on. Its messages would
// go to all edges, itself included.
func Example() {
	counters := new(layer4.Counters)
	tier := layer4.New(layer4.Options{
		Node:     func() string { return "fra-1" },
		Scrubd:   func() string { return "" },
		Counters: counters,
	})
	now := time.Unix(1_800_000_000, 0)
	for second := range 5 {
		if second >= 3 {
			for range 500 {
				counters.Stop(watch.TLSFlood, watch.ByGate)
			}
		}
		tier.Hear(tier.Message(now), now)
		moment, any := tier.Tick(now, now)
		if any {
			fmt.Println(second, moment.Sights[0].Vector, moment.Sights[0].Stopped[watch.ByGate])
		}
		now = now.Add(time.Second)
	}
	// Output:
	// 3 tls-flood 500
	// 4 tls-flood 500
}
