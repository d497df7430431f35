package lab

import (
	"encoding/binary"
	"net/netip"
)

// A Packet is a frame, and where its parts are.
type Packet struct {
	Bytes []byte

	ip, l4       int  // where the headers begin; -1: there is none
	ipSum, l4Sum int  // where the checksums are; 0: there is none to keep right
	v6           bool // the IP header's family
	pseudo       bool // the checksum behind the IP header covers the addresses
}

// A Layer is a header, or what is behind the last one. Its zero fields become
// what is right around and inside of the layers beside it.
type Layer interface {
	// name is what a layer around this one calls it: as an EtherType, and as an
	// IP protocol.
	name() (ether uint16, protocol uint8)

	// wrap puts the layer around inner.
	wrap(inner []byte, at place) []byte
}

// A place is what a layer needs to know of its neighbours.
type place struct {
	next  Layer // inside of it; nil: nothing is
	under Layer // the IP layer around it; nil: there is none
}

// A Fault spoils a header before checksums are made, so that nothing else is
// wrong with it. Put8 and Put16 are two.
type Fault func(header []byte)

// Put8 writes a byte of a header.
func Put8(at int, value uint8) Fault { return func(h []byte) { h[at] = value } }

// Put16 writes two bytes of a header.
func Put16(at int, value uint16) Fault {
	return func(h []byte) { binary.BigEndian.PutUint16(h[at:], value) }
}

// Build puts layers into each other, the first around all others. What the
// gun changes in a packet is in its first IP header and in what follows that.
func Build(layers ...Layer) Packet {
	p := Packet{ip: -1, l4: -1}
	var inner []byte
	ends := make([]int, len(layers)) // where each layer begins, from the end of the packet
	for i := len(layers) - 1; i >= 0; i-- {
		var at place
		if i+1 < len(layers) {
			at.next = layers[i+1]
		}
		for j := i - 1; j >= 0 && at.under == nil; j-- {
			if isIP(layers[j]) {
				at.under = layers[j]
			}
		}
		inner = layers[i].wrap(inner, at)
		ends[i] = len(inner)
	}
	p.Bytes = inner
	for i, layer := range layers {
		begins := len(inner) - ends[i]
		if p.ip < 0 {
			if isIP(layer) {
				p.ip = begins
				_, p.v6 = layer.(IPv6)
				if !p.v6 {
					p.ipSum = begins + 10
				}
			}
			continue
		}
		if p.found(layer, begins) {
			break
		}
	}
	return p
}

// found notes where the header behind the IP header is, if this is it.
func (p *Packet) found(layer Layer, begins int) bool {
	switch l := layer.(type) {
	case Extension:
		return false
	case TCP:
		p.l4, p.l4Sum, p.pseudo = begins, begins+16, true
	case UDP:
		p.l4, p.pseudo = begins, true
		if !l.NoSum {
			p.l4Sum = begins + 6
		}
	case ICMP:
		p.l4, p.l4Sum, p.pseudo = begins, begins+2, p.v6
	}
	return true
}

// Cut is the packet without what is behind its first n bytes.
func (p Packet) Cut(n int) Packet {
	p.Bytes = p.Bytes[:n:n]
	if p.l4Sum+2 > n {
		p.l4Sum = 0
	}
	return p
}

func isIP(l Layer) bool {
	switch l.(type) {
	case IPv4, IPv6:
		return true
	}
	return false
}

// etherType and protocol name what is inside of a layer.
func (at place) etherType() uint16 {
	if at.next == nil {
		return 0
	}
	ether, _ := at.next.name()
	return ether
}

func (at place) protocol() uint8 {
	if at.next == nil {
		return noNextHeader
	}
	_, protocol := at.next.name()
	if _, ok := at.next.(ICMP); ok && at.inIPv6() {
		return protoICMPv6
	}
	return protocol
}

func (at place) inIPv6() bool {
	_, ok := at.under.(IPv6)
	return ok
}

// pseudo is the sum of the addresses and the length that checksums of TCP, UDP
// and ICMPv6 cover (RFC 9293, RFC 8200).
func (at place) pseudo(protocol uint8, length int) uint64 {
	var src, dst netip.Addr
	switch ip := at.under.(type) {
	case IPv4:
		src, dst = ip.Src, ip.Dst
	case IPv6:
		src, dst = ip.Src, ip.Dst
	default:
		return 0
	}
	return sum(src.AsSlice()) + sum(dst.AsSlice()) + uint64(protocol) + uint64(length)
}

// sum adds up words for an Internet checksum (RFC 1071).
func sum(b []byte) (n uint64) {
	for ; len(b) > 1; b = b[2:] {
		n += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		n += uint64(b[0]) << 8
	}
	return n
}

func fold(n uint64) uint16 {
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return ^uint16(n)
}
