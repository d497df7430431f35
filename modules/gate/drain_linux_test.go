package gate

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wrapped is a listener as Caddy hands it out.
type wrapped struct{ net.Listener }

// waiters puts connections from these addresses into the queue of a listener
// that is not accepted from yet.
func waiters(t *testing.T, g *Gate, from ...string) (l *listener, conns []net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = g.WrapListener(wrapped{inner}).(*listener)
	t.Cleanup(func() { l.Close() })
	for _, addr := range from {
		conns = append(conns, dialFrom(t, addr, l))
	}
	return l, conns
}

// TestDrainedConnectionsAreAsOthers: a connection that waited behind a refused one
// comes in, is counted, and has the settings of every connection.
func TestDrainedConnectionsAreAsOthers(t *testing.T) {
	for name, way := range map[string]string{"accepted": "127.6.0.2", "drained": "127.6.0.1"} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, func(g *Gate) { g.bans("127.6.0.1") })
			l, conns := waiters(t, g, way, "127.6.0.1", "127.6.0.3")
			var in net.Conn
			for in == nil || peerOf(in.RemoteAddr()).String() != "127.6.0.3" {
				var err error
				if in, err = l.Accept(); err != nil {
					t.Fatal(err)
				}
				defer in.Close()
			}
			raw, err := in.(*conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			if err := raw.Control(func(fd uintptr) {
				for option, at := range map[int]int{unix.TCP_NODELAY: unix.IPPROTO_TCP, unix.SO_KEEPALIVE: unix.SOL_SOCKET} {
					if set, err := unix.GetsockoptInt(int(fd), at, option); err != nil || set != 1 {
						t.Errorf("option %d is %d, %v", option, set, err)
					}
				}
				if linger, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_LINGER); err != nil || linger != 0 {
					t.Errorf("lingers: %d, %v", linger, err)
				}
				if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("flags %x, %v: a child would inherit it", flags, err)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conns[2], "ping"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(in, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			if err := in.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := in.Read(make([]byte, 1)); !os.IsTimeout(err) {
				t.Errorf("reading past a deadline: %v", err)
			}
			if got, want := int(l.open.Load()), map[string]int{"accepted": 2, "drained": 1}[name]; got != want {
				t.Errorf("%d are counted, want %d", got, want)
			}
		})
	}
}

// TestDrainTakesWhatWaits, in several goes, and loses no descriptor.
func TestDrainTakesWhatWaits(t *testing.T) {
	g := newGate(t, func(g *Gate) { g.bans("127.6.1.1") })
	from := make([]string, 2*maxDrain)
	for i := range from {
		from[i] = "127.6.1.1"
	}
	before := descriptors(t)
	l, conns := waiters(t, g, from...)
	first := dialFrom(t, "127.6.1.2", l)
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if peerOf(in.RemoteAddr()) != peerOf(first.LocalAddr()) {
		t.Errorf("%s came in", in.RemoteAddr())
	}
	if got := valueOf(t, l.stats.of[banned]); got != len(from) {
		t.Errorf("%d were refused, want %d", got, len(from))
	}
	in.Close()
	l.Close()
	for _, c := range append(conns, first) {
		if !isRefused(t, c) && c != first {
			t.Fatal("one was not reset")
		}
		c.Close()
	}
	if now := descriptors(t); now > before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
