package shop_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/shop"
)

func ExampleParseRate() {
	for _, text := range []string{"20/s", "50/10s", "20"} {
		rate, err := shop.ParseRate(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(rate, "is one every", rate.Interval())
	}
	// Output:
	// 20/s is one every 50ms
	// 50/10s is one every 200ms
	// invalid rate "20": missing unit, want 20/s, 5/m, 100/h or 50/10s
}

func ExampleParseID() {
	fmt.Println(shop.ParseID("loewen"))
	_, err := shop.ParseID("Löwen")
	fmt.Println(err)
	// Output:
	// loewen <nil>
	// shop name "Löwen" has 'L' in it; use a-z, 0-9 and '-' only
}
