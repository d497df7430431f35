package handon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// A tier is three edges with a scrubber each, and the client's connections.
type tier struct {
	*lab.Tier
	scrubbers [3]*scrub.Scrubber
	rings     [3]*scrub.HandOn
}

const policy = `
interfaces: [router]
hand_on: {self: %s, ring: [10.0.10.2, 10.0.11.2, 10.0.12.2], mode: %s}
policies:
  - {name: shops, protect: [203.0.113.10, "2001:db8:113::10"], tcp: [80]}
`

func newTier(t *testing.T) *tier {
	t.Helper()
	need.NetNS(t)
	need.BPF(t)
	l, err := lab.NewTier()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	made := &tier{Tier: l}
	made.load(t)
	for i := range made.Edges {
		for _, addr := range []netip.Addr{lab.Shop4, lab.Shop6} {
			made.serve(t, i, addr)
		}
	}
	made.mode(t, scrub.HandOnOn)
	made.meet(t)
	return made
}

// load puts a scrubber before each edge, all at once: the kernel takes seconds for
// each.
func (r *tier) load(t *testing.T) {
	t.Helper()
	dir, err := r.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	var work errgroup.Group
	for i := range r.Edges {
		work.Go(func() error { return r.protect(t, i, filepath.Join(dir, fmt.Sprintf("edge%d", i))) })
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
}

// protect puts a scrubber before an edge.
func (r *tier) protect(t *testing.T, i int, pins string) error {
	for _, setting := range scrub.Settings {
		if name := strings.ReplaceAll(setting.Name, "/", "."); strings.HasPrefix(name, "net.ipv4.") {
			if err := r.Edges[i].Set(name, setting.Want); err != nil {
				return err
			}
		}
	}
	s, err := scrub.Load(pins)
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), pinset.Unload(pins)); err != nil {
			t.Error(err)
		}
	})
	r.scrubbers[i] = s
	return r.Edges[i].Do(func() error {
		_, err := s.Attach(lab.ToRouter)
		return err
	})
}

// mode puts the policy with this mode in force.
func (r *tier) mode(t *testing.T, mode scrub.HandOnMode) {
	t.Helper()
	for i, s := range r.scrubbers {
		c, err := scrub.Parse(fmt.Appendf(nil, policy, lab.EdgeAddr(i), mode))
		if err != nil {
			t.Fatal(err)
		}
		r.rings[i] = c.HandOn
		if err := r.Edges[i].Do(func() error { return s.Apply(c) }); err != nil {
			t.Fatal(err)
		}
	}
}

// greeting is longer than what the client has sent. All edges of a lab have one
// kernel, and so one secret for SYN cookies: where both sides have sent about as much,
// a segment looks to each of them like the end of a handshake.
var greeting = strings.Repeat("-", 1000) + "\n"

// serve greets, and answers each line with the edge's name and the line.
func (r *tier) serve(t *testing.T, i int, addr netip.Addr) {
	t.Helper()
	l, err := r.Edges[i].Listen("tcp", netip.AddrPortFrom(addr, 80).String())
	if err != nil {
		t.Fatal(err)
	}
	kit.Serve(t, l, func(conn net.Conn) {
		defer conn.Close()
		if _, err := io.WriteString(conn, greeting); err != nil {
			return
		}
		for lines := bufio.NewReader(conn); ; {
			line, err := lines.ReadString('\n')
			if err == nil {
				_, err = fmt.Fprintf(conn, "%d %s", i, line)
			}
			if err != nil {
				return
			}
		}
	})
}

// meet has each edge's stack know the way to the others, which scrubd does.
func (r *tier) meet(t *testing.T) {
	t.Helper()
	for i, edge := range r.Edges {
		if conn, err := edge.Dial(t.Context(), netip.AddrPort{}, "tcp", netip.AddrPortFrom(lab.EdgeAddr((i+1)%3), 9).String()); err == nil {
			conn.Close()
			t.Fatal("an edge listens at port 9")
		}
	}
}

// window opens a window at all edges, or closes it if it lasts for nothing.
func (r *tier) window(t *testing.T, lasting time.Duration, without ...netip.Addr) {
	t.Helper()
	for i, s := range r.scrubbers {
		w := scrub.Window{}
		if lasting > 0 {
			w = scrub.Window{Next: r.rings[i].Next(without...), Until: time.Now().Add(lasting)}
		}
		if err := s.SetWindow(w); err != nil {
			t.Fatal(err)
		}
	}
}

// counted is what all edges together have counted for a reason, and would have.
func (r *tier) counted(t *testing.T, reason string) (packets, watched uint64) {
	t.Helper()
	for _, s := range r.scrubbers {
		all, err := s.Tallies()
		if err != nil {
			t.Fatal(err)
		}
		for _, tally := range all {
			if tally.Reason.String() == reason {
				packets, watched = packets+tally.Packets, watched+tally.Watched
			}
		}
	}
	return packets, watched
}
