//go:build linux

package scrub

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// facts are what the model wants to know of a packet.
type facts struct {
	isIP, malformed bool
	src, dst        netip.Addr
	hops, protocol  uint8
	length          int  // of the IP packet
	options         bool // of IP, or extension headers
	part            bool // a fragment

	tcp, udp, icmp, other bool // what its protocol is, where that can be seen
	sport, dport          uint16
	flags                 uint8
	syn, answer           bool
	payload               int

	quic, initial    bool // is good for QUIC; spends from the budget of Initials
	ping, pong, news bool // of ICMP; news are of a packet of the destination's
	neighbour, later bool // neighbour discovery; a fragment but the first

	policy *Policy
}

var be = binary.BigEndian

// read reads a frame.
func read(frame []byte) *facts {
	f := new(facts)
	kind, rest := be.Uint16(frame[12:]), frame[14:]
	for range 2 {
		if kind != 0x8100 && kind != 0x88a8 {
			break
		}
		if len(rest) < 4 {
			f.isIP, f.malformed = true, true
			return f
		}
		kind, rest = be.Uint16(rest[2:]), rest[4:]
	}
	switch kind {
	case 0x0800:
		f.isIP, f.malformed = true, !f.read4(rest)
	case 0x86dd:
		f.isIP, f.malformed = true, !f.read6(rest, len(frame)-len(rest))
	}
	return f
}

func (f *facts) read4(ip []byte) bool {
	if len(ip) < 20 || ip[0]>>4 != 4 {
		return false
	}
	header := int(ip[0]&15) * 4
	f.length, f.hops, f.protocol = int(be.Uint16(ip[2:])), ip[8], ip[9]
	if header < 20 || f.length < header || f.length > len(ip) || f.hops == 0 {
		return false
	}
	f.src, f.dst = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
	f.options = header > 20
	offset := be.Uint16(ip[6:])
	f.later, f.part = offset&0x1fff > 0, offset&0x3fff > 0
	return f.readRest(ip[header:f.length])
}

func (f *facts) read6(ip []byte, at int) bool {
	if len(ip) < 40 || ip[0]>>4 != 6 {
		return false
	}
	f.length, f.hops, f.protocol = 40+int(be.Uint16(ip[4:])), ip[7], ip[6]
	if f.length > len(ip) || f.hops == 0 {
		return false
	}
	f.src, f.dst = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
	rest := ip[40:f.length]
	at += 40
	for range 4 { // more is for the stage of other protocols
		if !slices.Contains([]uint8{0, 43, 44, 60}, f.protocol) || f.later {
			break
		}
		size := 8
		if len(rest) < size {
			return false
		}
		if f.protocol == 44 {
			offset := be.Uint16(rest[2:])
			f.later = offset >= 8
			f.part = f.part || f.later || offset&1 > 0
		} else {
			f.options, size = true, 8+8*int(rest[1])
		}
		if len(rest) < size {
			return false
		}
		f.protocol, rest, at = rest[0], rest[size:], at+size
		if at >= 1024 { // as far as anybody looks
			return false
		}
	}
	return f.readRest(rest)
}

// readRest reads what is behind the IP headers.
func (f *facts) readRest(l4 []byte) bool {
	if f.later {
		return true
	}
	switch f.protocol {
	case 6:
		return f.readTCP(l4)
	case 17:
		return f.readUDP(l4)
	case 1, 58:
		return f.readICMP(l4)
	}
	f.other = true
	return true
}

func (f *facts) readTCP(l4 []byte) bool {
	f.tcp = true
	if len(l4) < 20 {
		return false
	}
	header := int(l4[12]>>4) * 4
	f.sport, f.dport, f.flags, f.payload = be.Uint16(l4), be.Uint16(l4[2:]), l4[13]&63, len(l4)-header
	f.syn, f.answer = f.flags&18 == 2, f.flags&18 == 18
	return header >= 20 && f.payload >= 0
}

func (f *facts) readUDP(l4 []byte) bool {
	f.udp = true
	if len(l4) < 8 {
		return false
	}
	f.sport, f.dport = be.Uint16(l4), be.Uint16(l4[2:])
	size := int(be.Uint16(l4[4:]))
	if size < 8 || !f.part && size > len(l4) {
		return false
	}
	f.readQUIC(l4[8:])
	return true
}

func (f *facts) readQUIC(q []byte) {
	if len(q) < 5 || q[0]&0x40 == 0 || f.sport == f.dport {
		return
	}
	if q[0]&0x80 == 0 {
		f.quic = true
		return
	}
	kind := q[0] >> 4 & 3
	switch version := be.Uint32(q[1:]); {
	case version == 0:
	case version != 1 && version != 0x6b3343cf:
		f.quic, f.initial = true, true
	case version == 1 && kind == 0, version != 1 && kind == 1:
		f.quic, f.initial = len(q) >= 1200, true
	default:
		f.quic = true
	}
}

func (f *facts) readICMP(l4 []byte) bool {
	f.icmp = f.dst.Is4() == (f.protocol == 1)
	f.other = !f.icmp
	if len(l4) < 8 {
		return false
	}
	kind, quoted := l4[0], l4[8:]
	if f.dst.Is4() {
		f.ping, f.pong = kind == 8, kind == 0
		f.news = slices.Contains([]uint8{3, 11, 12}, kind) && len(quoted) >= 20 && netip.AddrFrom4([4]byte(quoted[12:])) == f.dst
		return true
	}
	f.ping, f.pong = kind == 128, kind == 129
	f.news = 1 <= kind && kind <= 4 && len(quoted) >= 40 && netip.AddrFrom16([16]byte(quoted[8:])) == f.dst
	f.neighbour = f.icmp && 133 <= kind && kind <= 137 && f.hops == 255
	return true
}
