package protocol

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/theriac-edge/theriac/drill/record"
)

// quicPatience is how long a client waits for a handshake: it is on loopback.
const quicPatience = 2 * time.Second

// quic completes a handshake and asks for nothing, or sends Initials and hears nothing of
// the answers, as from a spoofed address.
func (a *Attack) quic(ctx context.Context, n int) record.Outcome {
	if a.target.QUIC == nil {
		return record.Unanswered
	}
	from := a.source(n)
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		return without(ctx)
	}
	defer socket.Close()
	by := &quic.Transport{Conn: socket}
	ear := &deaf{PacketConn: socket}
	if n%2 != 0 {
		by.Conn = ear
	}
	defer by.Close()
	shaking, cancel := context.WithTimeout(ctx, quicPatience)
	defer cancel()
	config := a.target.TLS.Clone()
	config.NextProtos = []string{"h3"}
	conn, err := by.Dial(shaking, net.UDPAddrFromAddrPort(a.target.QUIC(from)), config, &quic.Config{HandshakeIdleTimeout: quicPatience})
	switch {
	case err != nil && ear.answered.Load():
		return record.Served
	case err != nil:
		return without(ctx)
	}
	defer func() { _ = conn.CloseWithError(0, "") }() // the wave is over
	select {
	case <-ctx.Done():
	case <-conn.Context().Done():
	}
	return held(ctx)
}

// A deaf socket receives answers and passes none on.
type deaf struct {
	net.PacketConn
	answered atomic.Bool
}

// SetReadBuffer and SetWriteBuffer are what quic-go asks every socket for.
func (d *deaf) SetReadBuffer(int) error { return nil }

// SetWriteBuffer leaves the buffer as it is.
func (d *deaf) SetWriteBuffer(int) error { return nil }

// ReadFrom returns when the socket is closed, or its deadline has passed.
func (d *deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := d.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		d.answered.Store(true)
	}
}
