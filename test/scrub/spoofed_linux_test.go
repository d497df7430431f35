package scrub

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// A mailbox takes datagrams at a port of the data centre.
type mailbox struct{ from chan netip.Addr }

func (y *yard) openMailbox(t *testing.T, at netip.Addr, port uint16) *mailbox {
	t.Helper()
	var conn net.PacketConn
	if err := y.Centre.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", netip.AddrPortFrom(at, port).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &mailbox{make(chan netip.Addr, 100)}
	go func() {
		letter := make([]byte, 100)
		for {
			_, from, err := conn.ReadFrom(letter)
			if err != nil {
				return
			}
			m.from <- from.(*net.UDPAddr).AddrPort().Addr().Unmap()
		}
	}()
	return m
}

// sendFrom sends a packet of the edge's making to the data centre, with any
// source.
func (y *yard) sendFrom(t *testing.T, packet lab.Packet) {
	t.Helper()
	if err := y.Edge.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		return errors.Join(
			unix.Sendto(fd, packet.Bytes, 0, &unix.SockaddrInet4{Addr: [4]byte(packet.Bytes[16:20])}),
			unix.Close(fd))
	}); err != nil {
		t.Fatal(err)
	}
}

// What claims to come out of a tunnel and does not is refused and counted. The
// same packet arrives once the policy knows its sender, or its destination.
func TestAgentRefusesWhatIsSpoofed(t *testing.T) {
	y := newYard(t)
	a := y.endTunnels(t, centrePolicy)
	elsewhere, elsewhere6 := netip.MustParseAddr("10.0.3.2"), netip.MustParseAddr("fd00:0:0:3::2")
	boxes := make(map[netip.Addr]*mailbox)
	for _, addr := range []netip.Addr{lab.Centre4, lab.Centre6, elsewhere, elsewhere6} {
		boxes[addr] = y.openMailbox(t, addr, lab.UDPPort)
	}
	for name, c := range map[string]struct {
		outer  string
		to     netip.Addr
		reason string
		from   string // of the policy, and what lets the packet pass in its stead
		into   string
	}{
		"from a stranger":           {"10.0.4.9", lab.Centre4, "stranger", "[10.0.4.1]", "[10.0.4.1, 10.0.4.9]"},
		"from a stranger, IPv6":     {"192.0.2.9", lab.Centre6, "stranger", "[10.0.4.1]", "[10.0.4.1, 192.0.2.9]"},
		"for what is not protected": {"10.0.4.1", elsewhere, "outside", "[198", "[10.0.3.2, 198"},
		"the same in IPv6":          {"10.0.4.1", elsewhere6, "outside", "[198", `["fd00:0:0:3::/64", 198`},
	} {
		t.Run(name, func(t *testing.T) {
			var inner lab.Layer = lab.IPv4{Src: lab.Customer4, Dst: c.to}
			sender := lab.Customer4
			if c.to.Is6() {
				sender = lab.Customer6
				inner = lab.IPv6{Src: lab.Customer6, Dst: c.to}
			}
			packet := lab.Build(lab.IPv4{Src: netip.MustParseAddr(c.outer), Dst: netip.MustParseAddr("10.0.4.2")},
				lab.GRE{}, inner, lab.UDP{From: 4711, To: lab.UDPPort}, lab.Payload("a datagram"))
			arrives := func() bool {
				y.sendFrom(t, packet)
				select {
				case from := <-boxes[c.to].from:
					if from != sender {
						t.Errorf("it arrives from %s, not %s", from, sender)
					}
					return true
				case <-time.After(100 * time.Millisecond):
					return false
				}
			}
			y.applyAgent(t, a, strings.Replace(centrePolicy, c.from, c.into, 1))
			if !arrives() {
				t.Fatalf("it does not arrive although it is none that the policy refuses: %v", agentTallies(t, a))
			}
			y.applyAgent(t, a, centrePolicy)
			before := agentTallies(t, a)
			if arrives() {
				t.Error("it arrives")
			}
			if n := since(agentTallies(t, a), before)[c.reason]; n != 1 {
				t.Errorf("%d packets are counted as %s, want 1", n, c.reason)
			}
		})
	}
}

// The edge sees one half of connections with the data centre. While SYNs flood
// them customers prove their address once, and get through; with the proof off
// the data centre is closed to them.
func TestCustomersProveThemselvesToTheTunnel(t *testing.T) {
	const customers, rate, lasting = 20, 100_000, 4 * time.Second
	for name, c := range map[string]struct {
		modes   string
		proving bool
	}{
		"with the proof": {"", true},
		"without":        {"    modes: {syn_auth: monitor}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			d := y.openDepot(t)
			d.file = nil
			s := y.protect(t, routedPolicy+routedBudgets+c.modes)
			y.endTunnels(t, centrePolicy)
			y.knowTheWay(t)
			if err := errors.Join(y.Centre.Set("net.ipv4.tcp_syncookies", "0"), y.Forget()); err != nil {
				t.Fatal(err)
			}
			outcomes := make(chan error, customers)
			go func() {
				time.Sleep(200 * time.Millisecond)
				for i := range customers {
					from, to := lab.Bot4, lab.Centre4
					if i%2 == 1 {
						from, to = lab.Bot6, lab.Centre6
					}
					for range i {
						from = from.Next()
					}
					go func() {
						outcomes <- y.exchange(t.Context(), from, to, 3*time.Second)
					}()
					time.Sleep(20 * time.Millisecond)
				}
			}()
			sent := y.send(t, routedVector(t, "SYN flood"), rate, lasting)
			var failed []error
			for range customers {
				if err := <-outcomes; err != nil {
					failed = append(failed, err)
				}
			}
			counted := tallies(t, s)
			if c.proving && len(failed) > 0 || !c.proving && len(failed) < customers {
				t.Errorf("%d of %d exchanges failed: %v; counted are %v", len(failed), customers, errors.Join(failed...), counted)
			}
			// Of a CPU that the flood does not come by many pass in the budget, and one proof is good for a /64.
			if proved := counted["syn_auth_rst"]; c.proving != (proved > 0) {
				t.Errorf("%d customers have proven their address", proved)
			}
			t.Logf("%.0f a second, %d exchanges failed; counted are %v", sent.PerSecond(), len(failed), counted)
		})
	}
}

// exchange is a request of a customer with this address, and its answer.
func (y *yard) exchange(ctx context.Context, from, to netip.Addr, patience time.Duration) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return y.Client.Dial(ctx, netip.AddrPortFrom(from, 0), network, address)
		},
	}}
	d := depot{Client: &client}
	saw, err := d.move(ctx, http.MethodPut, to, patience)
	if err == nil && saw != from.String() {
		err = errors.New("the data centre saw " + saw + ", not " + from.String())
	}
	return err
}

func routedVector(t *testing.T, name string) lab.Vector {
	t.Helper()
	for _, v := range lab.RoutedVectors() {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no vector is called %q", name)
	return lab.Vector{}
}
