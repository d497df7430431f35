package gate

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"
)

// RFC 9000, sections 14.1 and 17.2; RFC 9369, section 3.2.
const (
	longHeader   = 0x80
	beforeID     = 6 // flags, version, length of the identifier
	leastID      = 8 // of a client that has heard nothing of the server
	mostID       = 20
	version1     = 1
	version2     = 0x6b3343cf
	initialType1 = 0
	initialType2 = 1
)

// opensConnection reports whether a datagram can make the server open a
// connection, and by which identifier the client names it. That are Initial
// packets with an identifier that the client has chosen, or with a token, and
// packets of unknown versions, which are answered, too. Those of a connection
// that is open carry the server's identifier, which is shorter, or a short
// header, and so do those of a client that has moved.
func opensConnection(p []byte) (id []byte, opens bool) {
	if len(p) < beforeID || p[0]&longHeader == 0 {
		return nil, false
	}
	version, rest := binary.BigEndian.Uint32(p[1:]), p[beforeID:]
	n := int(p[beforeID-1])
	if len(rest) < n {
		return nil, false
	}
	id, rest = rest[:min(n, mostID)], rest[n:]
	kind := p[0] >> 4 & 3
	switch {
	case version == 0:
		return nil, false // an answer to a client
	case version == version1 && kind != initialType1, version == version2 && kind != initialType2:
		return nil, false
	case version != version1 && version != version2, n >= leastID:
		return id, true
	}
	return id, hasToken(rest)
}

// hasToken reports whether an Initial packet has a token, from behind the
// client's first identifier on.
func hasToken(p []byte) bool {
	if len(p) == 0 || len(p) < 2+int(p[0]) {
		return false
	}
	return p[1+int(p[0])] != 0 // the token's length; any way to write 0 but the shortest is odd
}

// begun remembers which connections were let in lately, since each needs
// several packets that look like new: those of a long ClientHello, and those
// that are sent again. It forgets what meets in one place, which is then counted
// twice.
type begun [16384]atomic.Uint64

const begunFor = 10 // seconds: longer than a handshake may take

// markOf names a connection by identifier, client and listener.
func (h *hall) markOf(id []byte, peer netip.Addr, at *post) uint64 {
	var data [8 + 16 + mostID]byte
	binary.LittleEndian.PutUint64(data[:], at.id)
	a := peer.As16()
	copy(data[8:], a[:])
	return h.hash(data[:24+copy(data[24:], id)])
}

// The upper 40 bits are the mark's, the lower 24 the second.
const secondBits = 24

func (b *begun) at(mark uint64) *atomic.Uint64 { return &b[mark%uint64(len(b))] }

func (b *begun) add(mark uint64, now time.Time) {
	b.at(mark).Store(mark>>secondBits<<secondBits | uint64(now.Unix())&(1<<secondBits-1))
}

func (b *begun) has(mark uint64, now time.Time) bool {
	v := b.at(mark).Load()
	age := (uint64(now.Unix()) - v) & (1<<secondBits - 1)
	return v>>secondBits == mark>>secondBits && v != 0 && age <= begunFor
}
