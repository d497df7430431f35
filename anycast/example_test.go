package anycast_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/anycast"
)

// Two edges, and one of them is to be restarted.
func Example() {
	now := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	edges := []string{"fra1", "fra2"}
	var tier []*anycast.Edge
	for _, name := range edges {
		t := anycast.Tier{Edge: name, Edges: edges}
		if err := t.Validate(); err != nil {
			fmt.Println(err)
			return
		}
		tier = append(tier, anycast.New(t, now))
	}
	second := func() {
		now = now.Add(time.Second)
		tier[0].Hear(now, tier[1].Fact())
		tier[1].Hear(now, tier[0].Fact())
		for i, edge := range tier {
			before := len(edge.History())
			edge.Step(now, anycast.Health{})
			for _, change := range edge.History()[before:] {
				fmt.Printf("%s %s %s: %s\n", change.At.Format("15:04:05"), edges[i], change.State, change.Why)
			}
		}
	}
	for range 11 {
		second()
	}
	if err := tier[0].Drain(now, anycast.Goodbye, "anna", "kernel update"); err != nil {
		fmt.Println(err)
	}
	for range 3 {
		second()
	}
	// Output:
	// 03:00:11 fra1 announced: healthy for 10s
	// 03:00:11 fra2 announced: healthy for 10s
	// 03:00:12 fra1 leaving: kernel update
	// 03:00:14 fra1 drained: kernel update
}

// A shop has two addresses. If one of them goes, only the shops that had it move.
func ExampleAddressesOf() {
	var all []netip.Addr
	for i := range 8 {
		all = append(all, netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}))
	}
	fmt.Println(anycast.AddressesOf("loewen", all))
	fmt.Println(anycast.AddressesOf("loewen", all[:6]))
	// Output:
	// [203.0.113.7 203.0.113.6]
	// [203.0.113.6 203.0.113.1]
}
