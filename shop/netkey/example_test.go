package netkey_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Two addresses of one /24 are two clients in one subnet. The reference of a client is
// what a customer reads out, and it changes every day.
func ExampleHasher() {
	hasher, err := netkey.NewHasher([]byte("a secret that all edges share"))
	if err != nil {
		fmt.Println(err)
		return
	}
	noon := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

	fmt.Println("client:", hasher.Client(noon, one) == hasher.Client(noon, other))
	fmt.Println("subnet:", hasher.Subnet(noon, one) == hasher.Subnet(noon, other))
	fmt.Println("reference:", hasher.Client(noon, one).Reference())
	fmt.Println("the next day:", hasher.Client(noon.AddDate(0, 0, 1), one).Reference())
	// Output:
	// client: false
	// subnet: true
	// reference: 10fk-wsne
	// the next day: 28kw-vymc
}
