package counters_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Five requests at once, then one per second.
func ExampleStore_take() {
	store := counters.NewMemory(1 << 20)
	defer store.Close()
	hasher, err := netkey.NewHasher([]byte("a secret of sixteen bytes or more"))
	if err != nil {
		panic(err)
	}
	now := time.Now()
	client := hasher.Client(now, netip.MustParseAddr("192.0.2.7"))
	limit := &counters.Limit{Interval: time.Second, Burst: 5}
	for range 6 {
		d := store.Take(client, limit, now)
		fmt.Println(d.Allowed(), d.Remaining, d.Wait)
	}
	// Output:
	// true 4 0s
	// true 3 0s
	// true 2 0s
	// true 1 0s
	// true 0 0s
	// false 0 1s
}

// A ban of one address at all shops, and what listeners hear of it.
func ExampleStore_ban() {
	store := counters.NewMemory(1 << 20)
	defer store.Close()
	hasher, err := netkey.NewHasher([]byte("a secret of sixteen bytes or more"))
	if err != nil {
		panic(err)
	}
	defer store.ListenBans(func(e ban.Event) { fmt.Println(e.Kind, e.Cause, e.Rule) })()
	key := hasher.Ban(netip.MustParsePrefix("192.0.2.7/32"))
	subnet := hasher.Ban(netip.MustParsePrefix("192.0.2.0/24"))
	err = store.Ban(counters.BanRequest{
		Ban:    ban.Ban{Key: key, Cause: ban.ByLimit, Rule: "client", Until: time.Now().Add(time.Minute)},
		At:     "rosen",
		Subnet: subnet, PerMinute: 30,
	})
	if err != nil {
		panic(err)
	}
	_, banned := store.Banned(key, "linden", time.Now())
	fmt.Println(banned)
	store.Unban(key, netkey.Key{})
	// Output:
	// set limit client
	// true
	// lifted limit client
}

// The level of a shop, which every edge knows.
func ExampleStore_set() {
	store := counters.NewMemory(1 << 20)
	defer store.Close()
	ctx := context.Background()
	defer store.Listen(counters.Level, func(c counters.Change) { fmt.Println(c.ID, c.Holds(), c.Value) })()
	if err := store.Set(ctx, counters.Level, "rosen", "2 0", time.Hour, counters.Manual); err != nil {
		panic(err)
	}
	err := store.Set(ctx, counters.Level, "rosen", "3 0", time.Hour, counters.Automatic)
	fmt.Println(err)
	if err := store.Delete(ctx, counters.Level, "rosen", counters.Manual); err != nil {
		panic(err)
	}
	// Output:
	// rosen true 2 0
	// replica: setting level "rosen": another one takes precedence: the entry is refused
	// rosen false
}
