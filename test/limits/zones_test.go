package limits

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestFailedLoginsCount: five wrong passwords, then no more; right ones do not
// count.
func TestFailedLoginsCount(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	_, addr := kit.OpenShop(t, demoshop.Loewen())
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, `shield loewen {
	limit login {
		match path /account/login
		status 401 403
		rate 5/h
	}
}
shop_backend `+addr))
	login := func(from, password string) int {
		return kit.Send(t, edge.From(from), http.MethodPost, e.URL+"/account/login",
			"email="+demoshop.DemoEmail+"&password="+password, "Content-Type: application/x-www-form-urlencoded").Status
	}
	for i := range 8 {
		if got := login("127.3.0.1", demoshop.DemoPassword); got != http.StatusSeeOther {
			t.Errorf("right password, try %d: status %d", i+1, got)
		}
	}
	for i := range 5 {
		if got := login("127.3.0.1", "wrong"); got != http.StatusUnauthorized {
			t.Errorf("wrong password, try %d: status %d", i+1, got)
		}
	}
	for _, password := range []string{"wrong", demoshop.DemoPassword} {
		if got := login("127.3.0.1", password); got != http.StatusTooManyRequests {
			t.Errorf("after five failures, password %q: status %d", password, got)
		}
	}
	if got := login("127.3.0.2", demoshop.DemoPassword); got != http.StatusSeeOther {
		t.Errorf("another client: status %d", got)
	}
}

// TestZonesOfOneNameShareNothing between shops.
func TestZonesOfOneNameShareNothing(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	one := func(name string) string {
		return kit.Site(name+".localhost:{$PORT}", fmt.Sprintf("shield %s {\n\tlimit total {\n\t\tkey shop\n\t\trate 2/h\n\t}\n\tlimit mine {\n\t\trate 3/h\n\t}\n}\nshop_backend %s\n", name, shop.Addr))
	}
	e := edge.Start(t, kit.Global("")+one("loewen")+one("sonnen"))
	for _, name := range []string{"loewen", "sonnen"} {
		for i, want := range []int{200, 200, 429, 429} {
			if got := kit.Get(t, http.DefaultClient, e.URL, "Host: "+name+".localhost").Status; got != want {
				t.Errorf("%s, request %d: status %d, want %d", name, i+1, got, want)
			}
		}
	}
}

// TestWhoIsOneClient: a /64 of IPv6 and an IPv4 address are one client each,
// as trusted proxies tell; what others claim is not believed.
func TestWhoIsOneClient(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := kit.NewBackend(t)
	e := edge.Start(t, strings.Replace(kit.Global(""), "\tshield {", "\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict\n\t}\n\tshield {", 1)+
		kit.Site(kit.AnyHost, "shield loewen {\n\tlimit client {\n\t\trate 1/h\n\t\tburst 1\n\t}\n}\nshop_backend "+shop.Addr))
	for _, c := range []struct {
		what, from, forwarded string
		want                  int
	}{
		{"an address", "127.0.0.1", "198.51.100.1", 200},
		{"the same again", "127.0.0.1", "198.51.100.1", 429},
		{"the same as IPv6", "127.0.0.1", "::ffff:198.51.100.1", 429},
		{"its neighbour", "127.0.0.1", "198.51.100.2", 200},
		{"a /64", "127.0.0.1", "2001:db8:1:2::1", 200},
		{"another address of the /64", "127.0.0.1", "2001:db8:1:2:ffff::9", 429},
		{"the next /64", "127.0.0.1", "2001:db8:1:3::1", 200},
		{"a chain that ends in a known address", "127.0.0.1", "203.0.113.5, 198.51.100.2", 429},
		{"a stranger", "127.4.0.1", "203.0.113.77", 200},
		{"a stranger that claims to be another", "127.4.0.1", "203.0.113.78", 429},
	} {
		if got := kit.Get(t, edge.From(c.from), e.URL, "X-Forwarded-For: "+c.forwarded).Status; got != c.want {
			t.Errorf("%s: status %d, want %d", c.what, got, c.want)
		}
	}
}
