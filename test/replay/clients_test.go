package replay

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// balanced is a Caddyfile whose proxies are those of 127.0.0.0/8 and a unix socket.
func balanced(s *strictShop, socket, more string) string {
	global := strings.Replace(kit.Global("bans off\nnat64 2001:db8:64::/96"), "\tshield {",
		"\tservers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t\ttrusted_proxies_unix\n"+more+"\t}\n\tshield {", 1)
	return global + kit.Site(kit.AnyHost, `shield loewen {
	limit client {
		rate 10/h
		burst 3
	}
	limit bykey {
		match path /api/*
		key {http.request.header.X-Api-Key}
		rate 10/h
		burst 5
	}
}
shop_backend `+s.addr) + kit.Site("unix.localhost", "bind unix/"+socket+"\nshield sonnen {\n\tlimit client {\n\t\trate 10/h\n\t\tburst 3\n\t}\n}\nshop_backend "+s.addr)
}

// TestWhoIsOneClient behind a balancer: three of its requests pass. A01 and A06 are the
// controls: one address is one client, and five networks are five.
func TestWhoIsOneClient(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	socket := filepath.Join(t.TempDir(), "edge.sock")
	for mode, more := range map[string]string{"": "", " strict": "\t\ttrusted_proxies_strict\n"} {
		e := edge.Start(t, balanced(s, socket, more))
		five := func(format string, from int) (all []string) {
			for n := range 5 {
				all = append(all, fmt.Sprintf(format, from+n))
			}
			return all
		}
		for _, c := range []struct {
			id        string
			forwarded []string
			want      int
		}{
			{"A01", slices.Repeat([]string{"198.51.100.1"}, 5), 3},
			{"A02", five("198.51.100.2:%d", 1111), 3},
			{"A03", five("198.51.100.%d:1111", 10), 5},
			{"A04", []string{"[2001:db8:1::1]:443", "2001:db8:1::1", "[2001:db8:1::1]", "[2001:db8:1::2]:1", "2001:db8:1:0:ffff::1"}, 3},
			{"A04 others", five("[2001:db8:1:%d::1]", 1), 5},
			{"A05", []string{"::ffff:198.51.100.30", "198.51.100.30", "::ffff:c633:641e", "198.51.100.30", "::FFFF:198.51.100.30"}, 3},
			{"A06", five("2001:db8:2:%d::1", 0), 5},
			{"A07", five("64:ff9b::198.51.100.%d", 40), 5},
			{"A07 same", []string{"64:ff9b::198.51.100.46", "198.51.100.46", "[64:ff9b::198.51.100.46]:80", "[64:ff9b::c633:642e]", "198.51.100.46"}, 3},
			{"A08", five("2001:db8:64::198.51.100.%d", 50), 5},
			{"A08 not named", five("2001:db8:65::198.51.100.%d", 50), 3},
			{"A09", []string{"fe80::1%eth0", "fe80::1%eth1", "fe80::1", "fe80::1%25eth0", "fe80::2"}, 3},
			{"A11", []string{"unknown", "_hidden", "unknown", "[2001:db8::x]", "unknown"}, 3},
		} {
			t.Run(c.id+mode, func(t *testing.T) {
				balancer, passed := newClient(), 0
				for _, addr := range c.forwarded {
					if ask(t, e, balancer, "GET", "/product/1", machine+"X-Forwarded-For: "+addr+"\r\n").isShops() {
						passed++
					}
				}
				if passed != c.want {
					t.Errorf("%d of %d have passed, want %d", passed, len(c.forwarded), c.want)
				}
			})
		}
		t.Run("A10"+mode, func(t *testing.T) { // Caddy's own choice without strict; the log warns of it
			passed := 0
			for _, forged := range five("203.0.113.%d, 198.51.100.60", 1) {
				if ask(t, e, newClient(), "GET", "/product/1", machine+"X-Forwarded-For: "+forged+"\r\n").isShops() {
					passed++
				}
			}
			if want := map[string]int{"": 5, " strict": 3}[mode]; passed != want {
				t.Errorf("%d of 5 have passed, want %d", passed, want)
			}
		})
		t.Run("A13"+mode, func(t *testing.T) {
			count := func(key string) (passed int) {
				for n := range 8 {
					if ask(t, e, newClient(), "GET", "/api/x", machine+fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", 10*len(key)+n)+key).isShops() {
						passed++
					}
				}
				return passed
			}
			if got := count(""); got != 8 {
				t.Errorf("%d of 8 without a key have passed", got)
			}
			if got := count("X-Api-Key: a\r\n"); got != 5 {
				t.Errorf("control: %d of 8 with the same key have passed, want 5", got)
			}
		})
		t.Run("A14"+mode, func(t *testing.T) {
			for n := range 6 {
				conn, err := net.DialTimeout("unix", socket, 5*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(conn, fmt.Sprintf("GET /page HTTP/1.1\r\nHost: unix.localhost\r\n%sX-Forwarded-For: 198.51.102.%d\r\nConnection: close\r\n\r\n", machine, n+1))
				if got := read(conn, http.MethodGet); !got.isShops() {
					t.Errorf("client %d: status %d", n, got.status)
				}
				conn.Close()
			}
		})
		e.Kill() // the other one binds the same socket
	}
}
