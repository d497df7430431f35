package ban_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func ExampleBan() {
	hasher, err := netkey.NewHasher([]byte("a secret that all edges share"))
	if err != nil {
		fmt.Println(err)
		return
	}
	noon := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	b := ban.Ban{
		Key:  hasher.Ban(netip.MustParsePrefix("192.0.2.0/24")),
		Shop: "loewen", Cause: ban.Manual, Told: noon, Until: noon.Add(time.Hour),
	}

	// A source is recognized by its key, on any day.
	same := hasher.Ban(netip.MustParsePrefix("192.0.2.77/24")) == b.Key
	fmt.Println(same, b.Cause, b.Until.Sub(b.Told))

	set := ban.Event{Ban: b, Kind: ban.Set}
	lifted := ban.Event{Ban: b, Kind: ban.Lifted}
	fmt.Println(set.Over(), lifted.Over())
	// Output:
	// true manual 1h0m0s
	// false true
}

func ExampleCause() {
	var c ban.Cause
	fmt.Println(json.Unmarshal([]byte(`"waf"`), &c), c)
	_, err := ban.ParseCause("operator")
	fmt.Println(err)
	// Output:
	// <nil> waf
	// unrecognized cause "operator", want one of limit, challenge, waf, manual
}
