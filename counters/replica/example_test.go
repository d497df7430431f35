package replica_test

import (
	"context"
	"fmt"

	"github.com/theriac-edge/theriac/counters/replica"
)

// A map of one process, with two kinds of entries. With a tier instead of nil every
// edge has a copy.
func Example() {
	m := replica.New(nil,
		replica.Kind{Name: "posture", Max: 16},
		replica.Kind{Name: "incident", Max: 1000, Rank: replica.Longest},
	)
	defer m.Close()
	defer m.Listen("posture", func(c replica.Change) { fmt.Printf("%s: %q\n", c.ID, c.Value) })()

	ctx := context.Background()
	if err := m.Set(ctx, "posture", "fra", "alert", 0, replica.Automatic); err != nil {
		fmt.Println(err)
	}
	if err := m.Set(ctx, "posture", "fra", "under attack", 0, replica.Manual); err != nil {
		fmt.Println(err)
	}
	if err := m.Set(ctx, "posture", "fra", "calm", 0, replica.Automatic); err != nil {
		fmt.Println(err) // an operator has decided
	}
	e, ok := m.Get("posture", "fra")
	fmt.Println(e.Value, ok, len(m.All("incident")))
	// Output:
	// fra: "alert"
	// fra: "under attack"
	// replica: setting posture "fra": another one takes precedence: the entry is refused
	// under attack true 0
}
