package load

import (
	"net/netip"
	"strings"
	"testing"
)

func TestLoopback(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1:8080":                "127.0.0.1:8080",
		"http://127.77.3.2:8080/shop":          "127.77.3.2:8080",
		"http://[::1]:8080":                    "[::1]:8080",
		"http://[::ffff:127.0.0.1]:8080":       "127.0.0.1:8080",
		"http://localhost:8080":                "127.0.0.1:8080",
		"http://loewen.localhost:8080":         "127.0.0.1:8080",
		"http://127.0.0.1":                     "127.0.0.1:80",
		"http://192.0.2.1:8080":                "192.0.2.1 is not a loopback address",
		"http://10.0.0.1:8080":                 "10.0.0.1 is not a loopback address",
		"http://0.0.0.0:8080":                  "0.0.0.0 is not a loopback address",
		"http://128.0.0.1:8080":                "128.0.0.1 is not a loopback address",
		"http://[::]:8080":                     ":: is not a loopback address",
		"http://[::ffff:192.0.2.1]:8080":       "192.0.2.1 is not a loopback address",
		"http://[fe80::1%25lo]:8080":           "is not a loopback address",
		"http://shop.example:8080":             `"shop.example" is not a loopback address`,
		"http://localhost.shop.example:8080":   "is not a loopback address",
		"http://127.0.0.1.shop.example:8080":   "is not a loopback address",
		"http://127.0.0.1@shop.example:8080":   "contain no user",
		"http://shop.example#127.0.0.1:8080":   "is not a loopback address",
		"http://shop.example\\@127.0.0.1:8080": "it is not a URL",
		"http://2130706433:8080":               "is not a loopback address",
		"http://0x7f.1:8080":                   "is not a loopback address",
		"http://127.1:8080":                    "is not a loopback address",
		"https://127.0.0.1:8080":               "must begin with http://",
		"127.0.0.1:8080":                       "it is not a URL",
		"":                                     "must begin with http://",
		"http://127.0.0.1:0":                   "is not a valid port",
		"http://127.0.0.1:99999":               "is not a valid port",
	} {
		_, addr, err := Loopback("target", raw)
		switch {
		case err == nil && addr.String() != want:
			t.Errorf("Loopback(%q) = %s, want %s", raw, addr, want)
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("Loopback(%q) says %q, want %q", raw, err, want)
		}
	}
}

func TestFloodAddr(t *testing.T) {
	seen := make(map[netip.Addr]bool)
	networks := make(map[netip.Prefix]bool)
	within := netip.MustParsePrefix("127.64.0.0/10")
	for i := range MaxClients {
		a := FloodAddr(i)
		if seen[a] || !within.Contains(a) {
			t.Fatalf("source %d has the address %s, which is taken or outside of %s", i, a, within)
		}
		network, err := a.Prefix(24)
		if err != nil {
			t.Fatal(err)
		}
		if networks[network] {
			t.Fatalf("source %d shares the network %s", i, network)
		}
		seen[a], networks[network] = true, true
	}
}
