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
	beforeID     = 6 // flags, version, length of the connection ID
	minClientID  = 8 // of a connection ID that a client has chosen
	maxID        = 20
	version1     = 1
	version2     = 0x6b3343cf
	initialType1 = 0
	initialType2 = 1
)

// opensConnection reports whether a datagram can make the server open a connection, and
// with which destination connection ID. These are Initial packets with an ID that the
// client has chosen, or with a token, and packets of unknown versions, since they are
// answered. Packets of open connections, migrated ones included, have a short header or
// the server's connection ID, which is shorter.
func opensConnection(p []byte) (id []byte, opens bool) {
	if len(p) < beforeID || p[0]&longHeader == 0 {
		return nil, false
	}
	version, rest := binary.BigEndian.Uint32(p[1:]), p[beforeID:]
	n := int(p[beforeID-1])
	if len(rest) < n {
		return nil, false
	}
	id, rest = rest[:min(n, maxID)], rest[n:]
	kind := p[0] >> 4 & 3
	switch {
	case version == 0:
		return nil, false // a Version Negotiation packet, from a server
	case version == version1 && kind != initialType1, version == version2 && kind != initialType2:
		return nil, false
	case version != version1 && version != version2, n >= minClientID:
		return id, true
	}
	return id, hasToken(rest)
}

// hasToken reports whether an Initial packet has a token. p begins after the destination
// connection ID.
func hasToken(p []byte) bool {
	if len(p) == 0 || len(p) < 2+int(p[0]) {
		return false
	}
	return p[1+int(p[0])] != 0 // the token's length; senders encode 0 in its shortest form
}

// seenCIDs remembers which connections were accepted recently, since each needs several
// packets that look new: those of a long ClientHello, and retransmissions. On a hash
// collision the older one is forgotten, and counted again.
type seenCIDs [16384]atomic.Uint64

const seenFor = 10 // seconds: longer than a handshake may take

// markOf hashes the connection ID, client and listener of a connection.
func (s *state) markOf(id []byte, peer netip.Addr, at *listenerStats) uint64 {
	var data [8 + 16 + maxID]byte
	binary.LittleEndian.PutUint64(data[:], at.id)
	a := peer.As16()
	copy(data[8:], a[:])
	return s.hash(data[:24+copy(data[24:], id)])
}

// The upper 40 bits are the mark's, the lower 24 the second.
const secondBits = 24

func (s *seenCIDs) at(mark uint64) *atomic.Uint64 { return &s[mark%uint64(len(s))] }

func (s *seenCIDs) add(mark uint64, now time.Time) {
	s.at(mark).Store(mark>>secondBits<<secondBits | uint64(now.Unix())&(1<<secondBits-1))
}

func (s *seenCIDs) has(mark uint64, now time.Time) bool {
	v := s.at(mark).Load()
	age := (uint64(now.Unix()) - v) & (1<<secondBits - 1)
	return v>>secondBits == mark>>secondBits && v != 0 && age <= seenFor
}
