package levels_test

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
)

// The watch raises a shop, and a person overrides it.
func Example() {
	store := counters.NewMemory(1 << 20)
	defer store.Close()
	registry := levels.NewRegistry(func(c levels.Change) { fmt.Printf("%s: %s by %s\n", c.ID, c.Is.Level, c.Is.By) })
	registry.Listen(store)

	ctx := context.Background()
	watched := levels.Watched{Level: 2, Since: time.Now()}
	_ = store.Set(ctx, counters.Level, "loewen", watched.String(), 15*time.Minute, counters.Automatic)
	pin, _ := levels.Encode(levels.Pin{Level: 1})
	_ = store.Set(ctx, counters.Pin, "loewen", pin, time.Hour, counters.Manual)
	fmt.Println("the watch says:", registry.Of("loewen").Load().Watched)
	// Output:
	// loewen: 2 attack by watch
	// loewen: 1 raised by people
	// the watch says: 2 attack
}
