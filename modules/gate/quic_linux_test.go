package gate

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

var _ quic.OOBCapablePacketConn = (*socket)(nil) // else quic-go goes without batches, ECN and offload

// newQUIC is a gate as it is after Provision, without Caddy.
func newQUIC(t testing.TB, change func(*QUIC)) *QUIC {
	t.Helper()
	q := new(QUIC)
	change(q)
	q.Client.fillDefaults(usualClient.Pace)
	q.Subnet.fillDefaults(usualSubnet.Pace)
	q.furnish(t, &q.Rules, &q.Client, &q.Subnet)
	return q
}

// hooked is a socket that sees what quic-go makes of it.
type hooked struct {
	*socket
	offloaded, marked atomic.Int64
}

func (h *hooked) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (int, int, error) {
	if messages, err := unix.ParseSocketControlMessage(oob); err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_SEGMENT {
				h.offloaded.Add(1)
			}
		}
	}
	return h.socket.WriteMsgUDP(b, oob, addr)
}

func (h *hooked) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	n, err := h.socket.ReadBatch(ms, flags)
	for _, m := range ms[:max(n, 0)] {
		if m.NN > 0 {
			h.marked.Add(1)
		}
	}
	return n, err
}

// serveQUIC is a server behind a gate that sends each client a megabyte.
func serveQUIC(t testing.TB, q *QUIC) (addr *net.UDPAddr, seen *hooked) {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	seen = &hooked{socket: q.WrapPacketConn(udp).(*socket)}
	transport := &quic.Transport{Conn: seen}
	l, err := transport.Listen(&tls.Config{Certificates: []tls.Certificate{identity(t)}, NextProtos: []string{"test"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			go func() {
				for {
					s, err := c.AcceptStream(context.Background())
					if err != nil {
						return
					}
					_, _ = s.Write(make([]byte, 1<<20))
					s.Close()
				}
			}()
		}
	}()
	t.Cleanup(func() {
		transport.Close()
		udp.Close()
		<-done
	})
	return udp.LocalAddr().(*net.UDPAddr), seen
}

// dialQUIC opens a connection from a socket.
func dialQUIC(t testing.TB, from *quic.Transport, to net.Addr) (*quic.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	return from.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, &quic.Config{HandshakeIdleTimeout: time.Second})
}

func clientAt(t testing.TB, addr string) *quic.Transport {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: udp}
	t.Cleanup(func() {
		transport.Close()
		udp.Close()
	})
	return transport
}

// fetch reads the megabyte.
func fetch(t testing.TB, c *quic.Conn) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	if err := s.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := s.Write([]byte("x")); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, s)
	if err == nil && n != 1<<20 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// TestQUICKeepsItsSpeed: behind the gate quic-go still reads in batches with
// what the kernel knows (ECN), and has the kernel segment what it writes.
func TestQUICKeepsItsSpeed(t *testing.T) {
	q := newQUIC(t, func(*QUIC) {})
	addr, seen := serveQUIC(t, q)
	c, err := dialQUIC(t, clientAt(t, "127.5.0.1"), addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := fetch(t, c); err != nil {
		t.Fatal(err)
	}
	if seen.marked.Load() == 0 || seen.offloaded.Load() == 0 {
		t.Errorf("%d datagrams read with control messages, %d writes segmented by the kernel", seen.marked.Load(), seen.offloaded.Load())
	}
}

// TestQUICLimits: so many connections as the burst, though each needs several
// first packets; what is open goes on, also from another address.
func TestQUICLimits(t *testing.T) {
	const burst = 3
	q := newQUIC(t, func(q *QUIC) {
		q.Client = Pace{Rate: perSecond(1).Rate, Burst: burst}
		q.Client.Rate.Per = time.Hour
	})
	addr, seen := serveQUIC(t, q)
	client := clientAt(t, "127.5.1.1")
	var open []*quic.Conn
	for i := range burst + 3 {
		c, err := dialQUIC(t, client, addr)
		if (err == nil) != (i < burst) {
			t.Errorf("connection %d: %v", i+1, err)
		}
		if err == nil {
			open = append(open, c)
		}
	}
	if _, err := dialQUIC(t, clientAt(t, "127.5.1.2"), addr); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
	for _, c := range open {
		if err := fetch(t, c); err != nil {
			t.Errorf("an open connection: %v", err)
		}
	}
	// One of them moves to an address that may open nothing new.
	used := clientAt(t, "127.5.1.3")
	for range burst + 1 {
		_, _ = dialQUIC(t, used, addr)
	}
	path, err := open[0].AddPath(used)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := path.Probe(ctx); err != nil {
		t.Fatalf("moving to another address: %v", err)
	}
	if err := path.Switch(); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t, open[0]); err != nil {
		t.Errorf("a connection that has moved: %v", err)
	}
	p := seen.filter.Load().stats
	if in, out := valueOf(t, p.of[accepted]), valueOf(t, p.of[tooFast]); in != 2*burst+1 || out == 0 {
		t.Errorf("%d connections counted, want %d; %d datagrams refused, want some", in, 2*burst+1, out)
	}
}

// TestQUICBansAtOnce: also what is open; in shadow nothing.
func TestQUICBansAtOnce(t *testing.T) {
	for _, shadow := range []bool{false, true} {
		q := newQUIC(t, func(q *QUIC) { q.Shadow = shadow })
		addr, seen := serveQUIC(t, q)
		next := newQUIC(t, func(q *QUIC) { q.Shadow = shadow; q.bans("127.5.2.1") })
		bad, err := dialQUIC(t, clientAt(t, "127.5.2.1"), addr)
		if err != nil {
			t.Fatal(err)
		}
		good, err := dialQUIC(t, clientAt(t, "127.5.2.2"), addr)
		if err != nil {
			t.Fatal(err)
		}
		// Another configuration takes over the socket.
		next.listen, seen.listen = []string{":1"}, []string{":1"}
		if err := next.Handle(t.Context(), caddy.Event{}); err != nil {
			t.Fatal(err)
		}
		if err := fetch(t, bad); (err == nil) != shadow {
			t.Errorf("shadow %t: a banned client on its open connection: %v", shadow, err)
		}
		if err := fetch(t, good); err != nil {
			t.Errorf("shadow %t: a client beside: %v", shadow, err)
		}
		// And leaves it.
		next.state = nil // which the test closes
		if err := next.Cleanup(); err != nil {
			t.Fatal(err)
		}
		if seen.filter.Load() != nil {
			t.Errorf("shadow %t: a gate stands at the socket whose configuration has gone", shadow)
		}
	}
}
