package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/need"
)

// TestCrowdIsBannedTogether: who goes on with another /64 of his /48 each time is
// banned with all of it, and does not use up what the shop may ban. Where customers
// or somebody on the list `allow` are in it, and in IPv4, each stays banned alone.
func TestCrowdIsBannedTogether(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const alone, tried = 16, 20
	e := edge.Start(t, withProxy(head("secret "+tierSecret+"\nallow 2001:db8:a:ffff::/64"), "127.20.0.1/32")+
		site(anyHost, strict("loewen", time.Minute, newBackend(t).Addr, "")))
	from := func(client string) string { return "X-Forwarded-For: " + client }
	open(t, "127.20.0.1", e.URL, from("2001:db8:c:ffff::1"), stampOf(t, "loewen", time.Hour))
	proxy, before := edge.From("127.20.0.1"), 0
	for _, c := range []struct {
		what, client, next string
		bans               int
		all                string
	}{
		{"a /48", "2001:db8:b:%x::1", "2001:db8:b:fffe::1", alone + 1, "2001:db8:b::/48"},
		{"one with an allowed address", "2001:db8:a:%x::1", "2001:db8:a:fffe::1", tried, ""},
		{"one with a customer", "2001:db8:c:%x::1", "2001:db8:c:fffe::1", 0, ""},
		{"a /24", "192.0.2.%d", "192.0.2.254", tried, ""},
	} {
		for i := range tried {
			pester(t, proxy, e.URL, from(fmt.Sprintf(c.client, i)))
		}
		eventually(t, time.Second, fmt.Sprintf("%s: %d more bans", c.what, c.bans), func() bool { return len(bansOf(t, e).Bans) == before+c.bans })
		before += c.bans
		if c.all != "" && !isBanned(t, e, c.all) {
			t.Errorf("%s: %s is not banned: %+v", c.what, c.all, bansOf(t, e))
		}
		if got := open(t, "127.20.0.1", e.URL, from(c.next)); isBan(got) != (c.all != "") {
			t.Errorf("%s: another client in it is refused by a ban: %t", c.what, isBan(got))
		}
	}
	if got := open(t, "127.20.0.1", e.URL, from("2001:db8:d::1")); got.status != 200 {
		t.Errorf("beside all of them: status %d", got.status)
	}
}
