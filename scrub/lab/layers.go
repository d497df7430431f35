package lab

import (
	"encoding/binary"
	"net/netip"
)

// Protocols of IP, as IANA numbers them.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoIPIP     = 4
	protoTCP      = 6
	protoUDP      = 17
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	noNextHeader  = 59
	protoOptions  = 60
	protoSCTP     = 132
)

// Flags of TCP.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// Ethernet is the frame. Without addresses it gets those of the lab's link when it is
// sent.
type Ethernet struct {
	Dst, Src [6]byte
	Type     uint16
}

func (Ethernet) name() (uint16, uint8) { return 0, 0 }

func (l Ethernet) wrap(inner []byte, at position) []byte {
	h := append(append(make([]byte, 0, 14+len(inner)), l.Dst[:]...), l.Src[:]...)
	return append(binary.BigEndian.AppendUint16(h, or(l.Type, at.etherType())), inner...)
}

// VLAN is an 802.1Q tag.
type VLAN struct {
	ID, Type uint16
}

func (VLAN) name() (uint16, uint8) { return 0x8100, 0 }

func (l VLAN) wrap(inner []byte, at position) []byte {
	h := binary.BigEndian.AppendUint16(nil, l.ID)
	return append(binary.BigEndian.AppendUint16(h, or(l.Type, at.etherType())), inner...)
}

// IPv4 is its header. Fragment holds the flags and the offset.
type IPv4 struct {
	Src, Dst netip.Addr
	TTL      uint8
	Protocol uint8
	ID       uint16
	Fragment uint16
	Options  []byte // a multiple of four
	Fault    Fault
	BadSum   bool
}

// MoreFragments is the flag of IPv4.Fragment.
const MoreFragments = 0x2000

func (IPv4) name() (uint16, uint8) { return 0x0800, protoIPIP }

func (l IPv4) wrap(inner []byte, at position) []byte {
	at.under = l
	h := make([]byte, 20, 20+len(l.Options)+len(inner))
	h = append(h, l.Options...)
	h[0] = 4<<4 | uint8(len(h)/4)
	binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(inner)))
	binary.BigEndian.PutUint16(h[4:], l.ID)
	binary.BigEndian.PutUint16(h[6:], l.Fragment)
	h[8], h[9] = or(l.TTL, 64), or(l.Protocol, at.protocol())
	copy(h[12:], l.Src.AsSlice())
	copy(h[16:], l.Dst.AsSlice())
	l.Fault.spoil(h)
	binary.BigEndian.PutUint16(h[10:], fold(sum(h)+bad(l.BadSum)))
	return append(h, inner...)
}

// IPv6 is its header.
type IPv6 struct {
	Src, Dst netip.Addr
	Hops     uint8
	Next     uint8
	Fault    Fault
}

func (IPv6) name() (uint16, uint8) { return 0x86dd, protoIPv6 }

func (l IPv6) wrap(inner []byte, at position) []byte {
	at.under = l
	h := make([]byte, 40, 40+len(inner))
	h[0] = 6 << 4
	binary.BigEndian.PutUint16(h[4:], uint16(len(inner)))
	h[6], h[7] = or(l.Next, at.protocol()), or(l.Hops, 64)
	copy(h[8:], l.Src.AsSlice())
	copy(h[24:], l.Dst.AsSlice())
	l.Fault.spoil(h)
	return append(h, inner...)
}

// Extension is a header between IPv6 and what it carries: by default hop-by-hop
// options with nothing but padding. Of a fragment, Body is offset, flags and ID.
type Extension struct {
	Kind uint8
	Next uint8
	Body []byte // six bytes, or as many and a multiple of eight
}

func (l Extension) name() (uint16, uint8) { return 0, l.Kind }

func (l Extension) wrap(inner []byte, at position) []byte {
	body := l.Body
	if body == nil {
		body = []byte{1, 4, 0, 0, 0, 0} // PadN
	}
	h := []byte{or(l.Next, at.protocol()), uint8((len(body)+2)/8 - 1)}
	return append(append(h, body...), inner...)
}

// TCP is a segment's header.
type TCP struct {
	From, To uint16
	Seq, Ack uint32
	Flags    uint8
	Options  []byte // a multiple of four
	Fault    Fault
	BadSum   bool
}

func (TCP) name() (uint16, uint8) { return 0, protoTCP }

func (l TCP) wrap(inner []byte, at position) []byte {
	h := make([]byte, 20, 20+len(l.Options)+len(inner))
	h = append(h, l.Options...)
	binary.BigEndian.PutUint16(h, l.From)
	binary.BigEndian.PutUint16(h[2:], l.To)
	binary.BigEndian.PutUint32(h[4:], l.Seq)
	binary.BigEndian.PutUint32(h[8:], l.Ack)
	h[12], h[13] = uint8(len(h)/4)<<4, l.Flags
	binary.BigEndian.PutUint16(h[14:], 64240)
	l.Fault.spoil(h)
	return seal(h, 16, protoTCP, inner, at, l.BadSum)
}

// UDP is a datagram's header.
type UDP struct {
	From, To uint16
	NoSum    bool // zero, which IPv4 allows
	Fault    Fault
	BadSum   bool
}

func (UDP) name() (uint16, uint8) { return 0, protoUDP }

func (l UDP) wrap(inner []byte, at position) []byte {
	h := make([]byte, 8, 8+len(inner))
	binary.BigEndian.PutUint16(h, l.From)
	binary.BigEndian.PutUint16(h[2:], l.To)
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(inner)))
	l.Fault.spoil(h)
	if l.NoSum {
		return append(h, inner...)
	}
	return seal(h, 6, protoUDP, inner, at, l.BadSum)
}

// ICMP is ICMP in IPv4 and ICMPv6 in IPv6. Value is what follows the checksum.
type ICMP struct {
	Type, Code uint8
	Value      uint32
	BadSum     bool
}

func (ICMP) name() (uint16, uint8) { return 0, protoICMP }

func (l ICMP) wrap(inner []byte, at position) []byte {
	h := binary.BigEndian.AppendUint32([]byte{l.Type, l.Code, 0, 0}, l.Value)
	if !at.inIPv6() {
		at.under = nil // no pseudo header
	}
	return seal(h, 2, protoICMPv6, inner, at, l.BadSum)
}

// GRE is its header without options (RFC 2784).
type GRE struct{ Type uint16 }

func (GRE) name() (uint16, uint8) { return 0, protoGRE }

func (l GRE) wrap(inner []byte, at position) []byte {
	h := binary.BigEndian.AppendUint16([]byte{0, 0}, or(l.Type, at.etherType()))
	return append(h, inner...)
}

// Payload is the content behind the last header.
type Payload []byte

func (Payload) name() (uint16, uint8) { return 0, noNextHeader }

func (l Payload) wrap(inner []byte, _ position) []byte {
	return append(append([]byte{}, l...), inner...)
}

// seal puts a header with its checksum in front of inner.
func seal(h []byte, at int, protocol uint8, inner []byte, where position, spoilt bool) []byte {
	whole := append(h, inner...)
	pseudo := uint64(0)
	if where.under != nil {
		pseudo = where.pseudo(protocol, len(whole))
	}
	check := fold(sum(whole) + pseudo + bad(spoilt))
	if check == 0 {
		check = 0xffff // the same; zero is "none" in UDP
	}
	binary.BigEndian.PutUint16(whole[at:], check)
	return whole
}

func (f Fault) spoil(h []byte) {
	if f != nil {
		f(h)
	}
}

func bad(sum bool) uint64 {
	if sum {
		return 1
	}
	return 0
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
