package denylist_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/fakeplane"
)

// An edge pushes two bans: one is carried out, one is not permitted. The operator
// sees the first, with its reason.
func ExampleList_ApplyBans() {
	dir, err := os.MkdirTemp("", "denylist-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	state, err := denylist.ReadStateFile(filepath.Join(dir, "state"), "boot-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	kernel := fakeplane.New() // in a daemon it is a scrub.Scrubber
	now := time.Now()
	limits := denylist.Limits{PerShop: shop.Rate{Events: 600, Per: time.Minute}, MaxEntries: 1000, MaxTTL: time.Hour}
	never := denylist.NewNeverDeny(nil, nil, []scrub.Prefix{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}})
	list, err := denylist.Open(kernel, "instance-1", limits, never, state, now)
	if err != nil {
		fmt.Println(err)
		return
	}

	answer, err := list.ApplyBans(denylist.EdgeID{UID: 33, Name: "fra-1"}, []client.PushedBan{
		{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Until: now.Add(time.Minute), Shop: "loewen", Cause: ban.ByLimit},
		{Prefix: netip.MustParsePrefix("10.0.0.8/32"), Until: now.Add(time.Minute), Shop: "loewen", Cause: ban.ByLimit},
	}, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range answer.Refused {
		fmt.Println("refused:", r.Prefix, r.Reason)
	}
	for _, d := range list.Denied() {
		fmt.Println("denied:", d.Prefix, d.Owner, d.By, d.Why)
	}

	if err := list.Expire(now.Add(2 * time.Minute)); err != nil {
		fmt.Println(err)
	}
	fmt.Println("after two minutes:", len(list.Denied()))
	// Output:
	// refused: 10.0.0.8/32 10.0.0.0/8 is in never_deny: edges may not ban it
	// denied: 203.0.113.7/32 edges [edge fra-1] limit of loewen
	// after two minutes: 0
}
