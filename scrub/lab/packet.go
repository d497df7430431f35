package lab

import (
	"encoding/binary"
	"net/netip"
)

// A Packet is a frame, and the offsets of its parts.
type Packet struct {
	Bytes []byte

	ip, l4       int  // where the headers begin; -1: none
	ipSum, l4Sum int  // where the checksums are; 0: none that must be kept right
	v6           bool // the IP header's family
	pseudo       bool // the checksum behind the IP header covers the addresses
}

// A Layer is a header, or the content behind the last one. Its zero fields get the
// values that fit the layers beside it.
type Layer interface {
	// name is the number of the layer in the layer around it: as an EtherType, and as
	// an IP protocol.
	name() (ether uint16, protocol uint8)

	// wrap puts the layer around inner.
	wrap(inner []byte, at position) []byte
}

// A position is what a layer needs to know of the layers beside it.
type position struct {
	next  Layer // inside of it; nil: nothing is
	under Layer // the IP layer around it; nil: there is none
}

// A Fault damages a header before checksums are computed, so that nothing else is wrong
// with it. Put8 and Put16 make faults.
type Fault func(header []byte)

// Put8 writes a byte of a header.
func Put8(at int, value uint8) Fault { return func(h []byte) { h[at] = value } }

// Put16 writes two bytes of a header.
func Put16(at int, value uint16) Fault {
	return func(h []byte) { binary.BigEndian.PutUint16(h[at:], value) }
}

// Build builds a packet of layers, the outermost first. The generator varies its first
// IP header and the header that follows.
func Build(layers ...Layer) Packet {
	p := Packet{ip: -1, l4: -1}
	var inner []byte
	ends := make([]int, len(layers)) // where each layer begins, from the end of the packet
	for i := len(layers) - 1; i >= 0; i-- {
		var at position
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

// found records the offset of the header behind the IP header, if this is it.
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

// Cut is the first n bytes of the packet.
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

// etherType and protocol are the number of the layer inside.
func (at position) etherType() uint16 {
	if at.next == nil {
		return 0
	}
	ether, _ := at.next.name()
	return ether
}

func (at position) protocol() uint8 {
	if at.next == nil {
		return noNextHeader
	}
	_, protocol := at.next.name()
	if _, ok := at.next.(ICMP); ok && at.inIPv6() {
		return protoICMPv6
	}
	return protocol
}

func (at position) inIPv6() bool {
	_, ok := at.under.(IPv6)
	return ok
}

// pseudo is the sum of the addresses and the length that checksums of TCP, UDP
// and ICMPv6 cover (RFC 9293, RFC 8200).
func (at position) pseudo(protocol uint8, length int) uint64 {
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
