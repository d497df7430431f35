package edge

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// StartIn is Start for an edge in a network namespace, which serves at addr
// there. Its admin is there, too, and is asked from there.
func StartIn(t testing.TB, n *lab.Namespace, addr, caddyfile string, env ...string) *Edge {
	t.Helper()
	e := &Edge{Addr: addr, Admin: "127.0.0.1:2019", command: n.Command}
	e.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return n.Dial(ctx, netip.AddrPort{}, network, address)
	}
	e.run(t, caddyfile, env)
	return e
}
