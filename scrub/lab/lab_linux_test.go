package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

func newLab(t testing.TB) *Lab {
	t.Helper()
	need.NetNS(t)
	need.BPF(t)
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestHostsReachEachOther(t *testing.T) {
	l := newLab(t)
	for name, way := range map[string]struct {
		from netip.AddrPort
		at   *Namespace
		to   string
		sees string
	}{
		"the customer the shop":              {netip.AddrPort{}, l.Edge, "203.0.113.10:80", Customer4.String()},
		"the customer the shop over IPv6":    {netip.AddrPort{}, l.Edge, "[2001:db8:113::10]:80", Customer6.String()},
		"a bot the shop":                     {netip.MustParseAddrPort("10.2.77.1:4000"), l.Edge, "203.0.113.99:80", "10.2.77.1"},
		"a bot the shop over IPv6":           {netip.MustParseAddrPort("[fd00:2::77]:4000"), l.Edge, "[2001:db8:113::99]:80", "fd00:2::77"},
		"the customer the centre":            {netip.AddrPort{}, l.Centre, "198.51.100.10:80", Customer4.String()},
		"the customer the centre, over IPv6": {netip.AddrPort{}, l.Centre, "[2001:db8:114::10]:80", Customer6.String()},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := way.at.Listen("tcp", way.to)
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			conn, err := l.Client.Dial(ctx, way.from, "tcp", way.to)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			accepted, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			if got := netip.MustParseAddrPort(accepted.RemoteAddr().String()).Addr().Unmap().String(); got != way.sees {
				t.Errorf("it sees %s, want %s", got, way.sees)
			}
			go accepted.Write(make([]byte, 1<<20))
			if n, err := io.CopyN(io.Discard, conn, 1<<20); err != nil {
				t.Errorf("after %d bytes: %v", n, err)
			}
		})
	}
}

// The generator keeps the checksums of varied packets right: the edge's stack checks
// them, and delivers every datagram to its socket.
func TestTheStackAcceptsGeneratedPackets(t *testing.T) {
	l := newLab(t)
	for name, template := range map[string]Template{
		"IPv4": {
			Packet: Build(Ethernet{}, IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4}, UDP{From: 1, To: 7000}, Payload("an odd number of bytes.")),
			From:   SpoofedNet4, FromPort: true,
		},
		"IPv6": {
			Packet: Build(Ethernet{}, IPv6{Src: SpoofedNet6.Addr(), Dst: Shop6}, UDP{From: 1, To: 7000}, Payload("hello")),
			From:   SpoofedNet6, FromPort: true,
		},
		"other addresses of the net": {
			Packet: Build(Ethernet{}, IPv4{Src: SpoofedNet4.Addr(), Dst: ShopNet4.Addr()}, UDP{From: 1, To: 7000}, Payload("hello")),
			From:   SpoofedNet4, To: ShopNet4, FromPort: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var socket net.PacketConn
			if err := l.Edge.Do(func() (err error) {
				socket, err = net.ListenPacket("udp", ":7000")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			if err := socket.(*net.UDPConn).SetReadBuffer(64 << 20); err != nil {
				t.Fatal(err)
			}
			sent, err := l.Send(t.Context(), []Template{template}, 10_000, 150*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			sources, got := map[string]bool{}, uint64(0)
			if err := socket.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			for buf := make([]byte, 2000); ; got++ {
				_, from, err := socket.ReadFrom(buf)
				if err != nil {
					break
				}
				sources[from.String()] = true
			}
			// A busy machine sends fewer than 1500.
			if got != sent.Packets-sent.Lost || got < 100 || sent.Packets > 1500 {
				t.Errorf("%d of %d arrived, want at most 1500, and all but the %d lost", got, sent.Packets, sent.Lost)
				out, _ := l.Edge.Command(t.Context(), "nstat", "-z", "Udp*", "Ip6In*", "Ip6Reasm*", "IpIn*", "Udp6*").CombinedOutput()
				t.Logf("%s", out)
			}
			if uint64(len(sources)) < got*9/10 {
				t.Errorf("from %d sources, want nearly as many as packets", len(sources))
			}
		})
	}
}

// The cost of generating, sending and dropping a packet: a program that drops it later
// costs more by that.
func BenchmarkDroppedSYN(b *testing.B) {
	l := newLab(b)
	stop, err := l.DropAll()
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	syn := Template{
		Packet: Build(Ethernet{}, IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4}, TCP{From: 1, To: 80, Flags: SYN}),
		From:   SpoofedNet4, FromPort: true, Numbers: true,
	}
	before, err := l.Reached()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		sent, err := l.Send(b.Context(), []Template{syn}, 10_000_000, 500*time.Millisecond)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(sent.PerSecond(), "packets/s")
		b.ReportMetric(float64(sent.PerPacket()), "ns/packet")
	}
	if after, err := l.Reached(); err != nil || after.Strangers != before.Strangers {
		b.Errorf("%d packets were not dropped (%v)", after.Strangers-before.Strangers, err)
	}
}

func TestWhatADeadProcessLeftIsSweptAway(t *testing.T) {
	need.NetNS(t)
	need.BPF(t)
	const dead = prefix + "4194304-1-" // of a process beyond the largest number that Linux gives
	if _, err := addNamespace(dead + "edge"); err != nil {
		t.Fatal(err)
	}
	dir, err := (&Lab{name: dead}).BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	if err := sweep(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(netnsDir, dead+"edge")} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
}
