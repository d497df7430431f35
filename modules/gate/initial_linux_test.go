package gate

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
)

// packets are those of real clients, by what they are.
func packets(t testing.TB, version quic.Version) (got [][]byte) {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := clientAt(t, "127.5.3.1")
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_, _ = client.Dial(ctx, server.LocalAddr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"test"}}, &quic.Config{Versions: []quic.Version{version}})
	}()
	if err := server.SetReadDeadline(time.Now().Add(400 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		p := make([]byte, 2000)
		n, _, err := server.ReadFrom(p)
		if err != nil {
			return got
		}
		got = append(got, p[:n])
	}
}

func TestFirstPackets(t *testing.T) {
	for _, version := range []quic.Version{quic.Version1, quic.Version2} {
		got := packets(t, version)
		if len(got) < 2 {
			t.Fatalf("%s: %d packets", version, len(got))
		}
		var first []byte
		for _, p := range got {
			id, opens := opensConnection(p)
			if !opens || len(id) < minClientID || first != nil && !slices.Equal(id, first) {
				t.Errorf("%s: opens %t, identifier %x, the first one %x", version, opens, id, first)
			}
			first = id
		}
	}
	one, two, odd := "\x00\x00\x00\x01", "\x6b\x33\x43\xcf", "\x1a\x2a\x3a\x4a"
	for name, c := range map[string]struct {
		packet string
		opens  bool
	}{
		"nothing":                          {"", false},
		"cut before the version":           {"\xc0\x00\x00", false},
		"cut in the identifier":            {"\xc0" + one + "\x08abc", false},
		"a short header":                   {"\x40abcdefghijklmnopqrst", false},
		"a first packet":                   {"\xc0" + one + "\x08abcdefgh\x00\x00", true},
		"the server's identifier":          {"\xc0" + one + "\x04abcd\x00\x00", false},
		"the server's, cut":                {"\xc0" + one + "\x04abcd", false},
		"the server's, with a token":       {"\xc0" + one + "\x04abcd\x02xy\x05token", true},
		"early data":                       {"\xd0" + one + "\x08abcdefgh\x00\x00", false},
		"a handshake":                      {"\xe0" + one + "\x08abcdefgh\x00\x00", false},
		"version 2, a first packet":        {"\xd0" + two + "\x08abcdefgh\x00\x00", true},
		"version 2, a handshake":           {"\xf0" + two + "\x08abcdefgh\x00\x00", false},
		"an unknown version":               {"\xf0" + odd + "\x04abcd\x00\x00", true},
		"a negotiation, as servers answer": {"\xc0\x00\x00\x00\x00\x08abcdefgh\x00", false},
	} {
		if _, opens := opensConnection([]byte(c.packet)); opens != c.opens {
			t.Errorf("%s: opens %t, want %t", name, opens, c.opens)
		}
	}
}

func FuzzFirstPackets(f *testing.F) {
	f.Add([]byte("\xc0\x00\x00\x00\x01\x08abcdefgh\x00\x00"))
	f.Add([]byte("\xc0\x00\x00\x00\x01\x04abcd\x02xy\x05token"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if id, opens := opensConnection(p); len(id) > maxID || opens && p[0]&longHeader == 0 {
			t.Errorf("%x: opens %t, %d bytes of identifier", p, opens, len(id))
		}
	})
}

// TestBatchesKeepTheirBuffers: what may pass moves to the front, byte by byte,
// with its control messages, and no buffer changes its place.
func TestBatchesKeepTheirBuffers(t *testing.T) {
	q := newQUIC(t, func(q *QUIC) { q.bans("127.5.4.2") })
	s := &socket{}
	s.filter.Store(&filter{q, newStats(q.state, "udp/test", datagramsTotal, false, accepted, exempt, banned, tooFast)})
	ms := make([]ipv4.Message, 5)
	var buffers [][]byte
	for i, from := range []byte{2, 1, 2, 2, 3} {
		body := []byte{0x40, from, byte(i)}
		buffers = append(buffers, append(body, make([]byte, 1449)...))
		ms[i] = ipv4.Message{Buffers: [][]byte{buffers[i]}, OOB: []byte{from, 9}, NN: 1, N: 3, Addr: &net.UDPAddr{IP: net.IPv4(127, 5, 4, from)}}
	}
	if n := s.keep(ms); n != 2 {
		t.Fatalf("%d are kept, want 2", n)
	}
	for i, want := range [][]byte{{0x40, 1, 1}, {0x40, 3, 4}} {
		m := ms[i]
		if !slices.Equal(m.Buffers[0][:m.N], want) || &m.Buffers[0][0] != &buffers[i][0] || m.OOB[0] != want[1] || m.Addr.(*net.UDPAddr).IP[15] != want[1] {
			t.Errorf("place %d has %v from %s, control message %v, want %v", i, m.Buffers[0][:m.N], m.Addr, m.OOB, want)
		}
	}
}
