package scrub_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/scrub"
)

// A policy file protects addresses. Parse fills in the defaults.
func ExampleParse() {
	c, err := scrub.Parse([]byte(`
interfaces: [eth0]
deny: [192.0.2.0/24]
policies:
  - name: shops
    protect: [203.0.113.10, "2001:db8:113::/64"]
    tcp: [80, 443]
    quic: [443]
    budgets: {syn: 5000/s}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Policies[0]
	fmt.Println(p.Name, p.Mode, p.Protect)
	fmt.Println("SYNs:", p.Budgets.SYN.Events, "per", p.Budgets.SYN.Per)
	fmt.Println("of a verified source:", p.Budgets.VerifiedSource.Events, "per", p.Budgets.VerifiedSource.Per)
	// Output:
	// shops mitigate [203.0.113.10/32 2001:db8:113::/64]
	// SYNs: 5000 per 1s
	// of a verified source: 20000 per 1s
}

// A mistake in a policy file is an error that says what to write.
func ExampleParse_mistake() {
	_, err := scrub.Parse([]byte(`
policies:
  - {name: shops, protect: [203.0.113.10], mode: watch}
`))
	fmt.Println(err)
	_, err = scrub.Parse([]byte(`
policies:
  - {name: shops, protect: [203.0.113.10]}
  - {name: shops, protect: [203.0.113.11]}
`))
	fmt.Println(err)
	// Output:
	// "watch" is not a valid mode: want one of ["off" "monitor" "mitigate"]
	// duplicate policy "shops"
}

// An address is a prefix of its full length.
func ExampleParsePrefix() {
	for _, text := range []string{"192.0.2.7", "2001:db8::/32", "192.0.2.7/24"} {
		p, err := scrub.ParsePrefix(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(p)
	}
	// Output:
	// 192.0.2.7/32
	// 2001:db8::/32
	// 192.0.2.7/24 has host bits set; did you mean 192.0.2.0/24?
}

// Every reason has an action.
func ExampleReason_Action() {
	for _, name := range []string{"clean", "forwarded", "syn_cookie", "denied"} {
		r, err := scrub.ParseReason(name)
		fmt.Println(r, r.Action(), err)
	}
	// Output:
	// clean passed <nil>
	// forwarded forwarded <nil>
	// syn_cookie answered <nil>
	// denied dropped <nil>
}
