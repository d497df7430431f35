package lab

import (
	"net/netip"
	"slices"
)

// headerVectors are wrong before anybody asks what they are for.
func headerVectors() []Vector {
	return []Vector{
		{Name: "malformed", Reason: "malformed", Templates: malformed()},
		{Name: "land", Reason: "land", Templates: slices.Concat(land(syn), land(UDP{To: QUICPort}, make(Payload, 32)))},
		{Name: "bogus flags", Reason: "flags", Templates: flags(0, FIN|PSH|URG, SYN|FIN, SYN|RST, FIN, PSH, URG, SYN|FIN|ACK, SYN|PSH, FIN|SYN|RST|PSH|ACK|URG)},
		{Name: "denied sources", Reason: "denied", Templates: slices.Concat(
			between(DeniedNet4, DeniedNet6, Shop4, Shop6, syn),
			between(DeniedNet4, DeniedNet6, Shop4, Shop6, UDP{To: QUICPort}, make(Payload, 64)))},
		{Name: "bogus sources", Reason: "bogon", Templates: bogons()},
		{Name: "options and extension headers", Reason: "options", Templates: options()},
		{Name: "other protocols", Reason: "protocol", Templates: protocols()},
		{Name: "fragments", Reason: "fragment", Templates: fragments()},
	}
}

// four and six are a packet to the shop with a fault in its IP header.
func four(fault Fault, layers ...Layer) Template {
	ip := IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4, Fault: fault}
	return Template{Packet: Build(append([]Layer{Ethernet{}, ip}, layers...)...), From: SpoofedNet4}
}

func six(fault Fault, layers ...Layer) Template {
	ip := IPv6{Src: SpoofedNet6.Addr(), Dst: Shop6, Fault: fault}
	return Template{Packet: Build(append([]Layer{Ethernet{}, ip}, layers...)...), From: SpoofedNet6}
}

func malformed() []Template {
	datagram := UDP{From: 4000, To: UDPPort}
	tiny := IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4, Protocol: protoTCP, Fragment: MoreFragments}
	cut4, cut6 := four(nil, syn), six(nil, syn)
	cut4.Packet, cut4.From = cut4.Cut(24), netip.Prefix{}
	cut6.Packet, cut6.From = cut6.Cut(30), netip.Prefix{}
	short := make(Payload, 6)
	return slices.Concat([]Template{
		four(Put8(0, 0x44), syn),              // a header of 16 bytes
		four(Put8(0, 0x55), syn),              // version 5
		four(Put8(0, 0x4f), datagram),         // a header that ends behind the packet
		four(Put16(2, 1400), syn),             // longer than it is
		four(Put16(2, 16), syn),               // shorter than its header
		four(Put8(8, 0), syn),                 // TTL 0
		four(Put8(9, protoTCP), short),        // no room for TCP
		four(Put8(9, protoICMP), short[:4]),   // nor for ICMP
		six(Put8(0, 0x50), syn),               // version 5
		six(Put16(4, 1400), syn),              // longer than it is
		six(Put8(7, 0), syn),                  // hop limit 0
		six(Put8(6, protoTCP), short),         // no room for TCP
		six(Put8(6, protoOptions), short[:4]), // an extension that is cut
		{Packet: Build(Ethernet{}, tiny, make(Payload, 8)), From: SpoofedNet4}, // ports and no flags
		cut4, cut6,
	},
		spoofed(TCP{To: ServedPort, Flags: ACK, Fault: Put8(12, 4<<4)}),   // a TCP header of 16 bytes
		spoofed(TCP{To: ServedPort, Flags: ACK, Fault: Put8(12, 15<<4)}),  // one that ends behind the packet
		spoofed(UDP{To: UDPPort, Fault: Put16(4, 4)}, make(Payload, 8)),   // shorter than its header
		spoofed(UDP{To: UDPPort, Fault: Put16(4, 500)}, make(Payload, 8)), // longer than it is
	)
}

func land(layers ...Layer) []Template {
	return vary(layers[0],
		Template{Packet: Build(append([]Layer{Ethernet{}, IPv4{Src: Shop4, Dst: Shop4}}, layers...)...)},
		Template{Packet: Build(append([]Layer{Ethernet{}, IPv6{Src: Shop6, Dst: Shop6}}, layers...)...)})
}

func flags(sets ...uint8) (templates []Template) {
	for _, set := range sets {
		templates = append(templates, spoofed(segment(set))...)
	}
	return templates
}

// bogons have an unspecified, loopback, multicast or reserved source, or one of the
// destination's own subnet.
func bogons() (templates []Template) {
	for _, from := range []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/5", "203.0.113.128/25"} {
		net := netip.MustParsePrefix(from)
		ip := IPv4{Src: net.Addr(), Dst: Neighbour4}
		templates = append(templates, vary(syn, Template{Packet: Build(Ethernet{}, ip, syn), From: net})...)
	}
	for _, from := range []string{"::/16", "ff02::/16", "fe80::/64", "2001:db8:113:0:8000::/65"} {
		net := netip.MustParsePrefix(from)
		ip := IPv6{Src: net.Addr(), Dst: Neighbour6}
		templates = append(templates, vary(syn, Template{Packet: Build(Ethernet{}, ip, syn), From: net})...)
	}
	return templates
}

func options() (templates []Template) {
	for _, options := range [][]byte{
		{7, 7, 4, 0, 0, 0, 0, 0},             // record route
		{131, 7, 4, 10, 1, 0, 10, 0},         // loose source route
		{68, 8, 5, 0, 0, 0, 0, 0},            // timestamps
		{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}, // nothing, at length
	} {
		ip := IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4, Options: options}
		templates = append(templates, vary(syn, Template{Packet: Build(Ethernet{}, ip, syn), From: SpoofedNet4})...)
	}
	return append(templates,
		six(nil, Extension{Kind: protoHopByHop}, syn),
		six(nil, Extension{Kind: protoOptions}, syn),
		six(nil, Extension{Kind: protoRouting, Body: make([]byte, 6)}, syn),
		six(nil, Extension{Kind: protoHopByHop}, Extension{Kind: protoOptions}, UDP{To: UDPPort}))
}

func protocols() (templates []Template) {
	for _, protocol := range []uint8{protoIPIP, protoIPv6, protoESP, protoAH, protoSCTP, 2, 99, 255} {
		templates = append(templates, four(Put8(9, protocol), make(Payload, 64)), six(Put8(6, protocol), make(Payload, 64)))
	}
	inner := IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4}
	return append(append(templates, four(Put8(9, 0), make(Payload, 64))), spoofed(GRE{}, inner, syn)...)
}

func fragments() []Template {
	part4 := func(fragment uint16, protocol uint8, layers ...Layer) Template {
		ip := IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4, ID: 7, Fragment: fragment, Protocol: protocol}
		return Template{Packet: Build(append([]Layer{Ethernet{}, ip}, layers...)...), From: SpoofedNet4}
	}
	part6 := func(offsetAndMore uint16, next uint8, layers ...Layer) Template {
		part := Extension{Kind: protoFragment, Next: next, Body: []byte{byte(offsetAndMore >> 8), byte(offsetAndMore), 0, 0, 0, 7}}
		return six(nil, append([]Layer{part}, layers...)...)
	}
	datagram, rest := UDP{From: 53, To: UDPPort}, make(Payload, 512)
	return []Template{
		part4(MoreFragments, 0, datagram, rest),
		part4(MoreFragments, 0, segment(ACK), rest),
		part4(64, protoUDP, rest),
		part4(MoreFragments|64, protoUDP, rest),
		part4(1, protoTCP, rest), // overlaps the ports
		part6(1, 0, datagram, rest),
		part6(1, 0, segment(ACK), rest),
		part6(512, protoUDP, rest),
		part6(512|1, protoUDP, rest),
	}
}
