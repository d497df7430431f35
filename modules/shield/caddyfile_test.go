package shield

import (
	"net/netip"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
)

func TestNAT64Prefixes(t *testing.T) {
	for text, valid := range map[string]bool{
		"2001:db8:64::/96": true, "2001:db8:64::/96 2001:db8:65::/96": true,
		"": false, "2001:db8:64::/64": false, "192.0.2.0/24": false, "x": false, "2001:db8::1": false,
	} {
		a := new(App)
		d := caddyfile.NewTestDispenser("nat64 " + text)
		d.Next()
		if err := a.readNAT64(d); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
	if clientip.CheckNAT64([]netip.Prefix{netip.MustParsePrefix("2001:db8:64::1/96")}) == nil {
		t.Error("a prefix with more bits is taken from JSON")
	}
}
