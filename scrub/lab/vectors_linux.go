package lab

import (
	"net/netip"
	"slices"
)

// A Vector is one way of attacking, over IPv4 and IPv6.
type Vector struct {
	Name string

	// Reason is the reason under which a scrubber must count it.
	Reason string

	// Templates are sent in turn.
	Templates []Template

	// Bounded means that a part of the vector passes, within the budgets of the
	// destination. Of other vectors nothing passes.
	Bounded bool

	// Bots means that Bot4 and Bot6 have a connection each, to which the packets seem
	// to belong.
	Bots bool
}

// Ports that vectors need in a policy for ShopNet4 and ShopNet6, beside a listener at
// ServedPort of all addresses.
const (
	ServedPort = 80   // of TCP
	SilentPort = 8443 // of TCP: served, without a listener
	QUICPort   = 443
	UDPPort    = 5000 // served
	BotPort    = 4000 // from which bots are connected to the shop
)

// Destinations and sources beside those of the shop.
var (
	// The half of the shop's net in which no address has a policy of its own.
	quiet4 = netip.MustParsePrefix("203.0.113.128/25")

	// Addresses beside the shop in its subnet, which have none either.
	Neighbour4 = netip.MustParseAddr("203.0.113.20")
	Neighbour6 = netip.MustParseAddr("2001:db8:113::20")

	// Addresses with unlimited budgets for datagrams, except per source.
	Busy4 = netip.MustParseAddr("203.0.113.30")
	Busy6 = netip.MustParseAddr("2001:db8:113::30")

	// Two bots, each with a connection to the shop.
	Bot4 = netip.MustParseAddr("10.2.0.10")
	Bot6 = netip.MustParseAddr("fd00:2::10")

	// Sources that are on the deny list.
	DeniedNet4 = netip.MustParsePrefix("192.0.2.0/24")
	DeniedNet6 = netip.MustParsePrefix("2001:db8:dead::/64")
)

// Vectors are all attacks on what the edge itself serves.
func Vectors() []Vector {
	return slices.Concat(headerVectors(), tcpVectors(), datagramVectors())
}

// spoofed builds the same packet over both families, from random spoofed sources.
func spoofed(layers ...Layer) []Template {
	return between(SpoofedNet4, SpoofedNet6, Shop4, Shop6, layers...)
}

// carpet is spoofed, but to all addresses of the shop's subnet.
func carpet(layers ...Layer) []Template {
	templates := between(SpoofedNet4, SpoofedNet6, quiet4.Addr(), ShopNet6.Addr(), layers...)
	templates[0].To, templates[1].To = quiet4, ShopNet6
	return templates
}

// between builds the same packet over both families, from random sources of a
// net, and with a random port and random numbers if it has any.
func between(from4, from6 netip.Prefix, to4, to6 netip.Addr, layers ...Layer) []Template {
	four := Template{Packet: Build(slices.Concat([]Layer{Ethernet{}, IPv4{Src: from4.Addr(), Dst: to4}}, layers)...), From: from4}
	six := Template{Packet: Build(slices.Concat([]Layer{Ethernet{}, IPv6{Src: from6.Addr(), Dst: to6}}, layers)...), From: from6}
	return vary(layers[0], four, six)
}

// vary has random ports where the packet has a port, and random numbers where it
// has those.
func vary(transport Layer, templates ...Template) []Template {
	for i := range templates {
		switch l := transport.(type) {
		case TCP:
			templates[i].FromPort, templates[i].Numbers = l.From == 0, true
		case UDP:
			templates[i].FromPort = l.From == 0
		}
	}
	return templates
}

// segment is a TCP header to the shop's port.
func segment(flags uint8) TCP { return TCP{To: ServedPort, Flags: flags, Ack: ackOf(flags)} }

func ackOf(flags uint8) uint32 {
	if flags&ACK == 0 {
		return 0
	}
	return 1
}

var syn = SYNOf(ServedPort)

// SYNOf is what clients send: MSS, SACK permitted, timestamps, window scale 7.
func SYNOf(port uint16) TCP {
	return TCP{
		To: port, Flags: SYN,
		Options: []byte{2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7},
	}
}

func tcpVectors() []Vector {
	silent := func(flags uint8) TCP { return TCP{To: SilentPort, Flags: flags, Ack: ackOf(flags)} }
	answer := func(from, to uint16) []Template { return spoofed(TCP{From: from, To: to, Flags: SYN | ACK, Ack: 1}) }
	return []Vector{
		{Name: "SYN flood", Reason: "syn_cookie", Bounded: true, Templates: spoofed(syn)},
		{Name: "SYN flood over a whole net", Reason: "syn_cookie", Bounded: true, Templates: carpet(syn)},
		{Name: "SYN with data", Reason: "syn_data", Templates: slices.Concat(
			spoofed(syn, make(Payload, 16)), spoofed(syn, make(Payload, 300)), spoofed(syn, make(Payload, 900)))},
		{Name: "SYN to a port that is not served", Reason: "port", Templates: slices.Concat(
			spoofed(TCP{To: 22, Flags: SYN}), spoofed(TCP{To: 3389, Flags: SYN}), spoofed(TCP{To: 445, Flags: ACK, Ack: 1}))},
		{Name: "ACK flood", Reason: "bad_cookie", Bounded: true, Templates: slices.Concat(
			spoofed(segment(ACK)), spoofed(segment(PSH|ACK), make(Payload, 512)))},
		{Name: "RST and FIN flood", Reason: "bad_cookie", Bounded: true, Templates: slices.Concat(
			spoofed(segment(RST)), spoofed(segment(RST|ACK)), spoofed(segment(FIN|ACK)))},
		{Name: "ACK flood without a listener", Reason: "out_of_state", Bounded: true, Templates: slices.Concat(
			spoofed(silent(ACK)), spoofed(silent(RST)), spoofed(silent(FIN|ACK)), spoofed(silent(PSH|ACK), make(Payload, 64)))},
		{Name: "SYN-ACK reflection", Reason: "syn_ack_reflection", Templates: slices.Concat(
			answer(80, ServedPort), answer(443, 51000), answer(179, SilentPort), answer(443, ServedPort))},
		{Name: "botnet on its connections", Reason: "rate_verified", Bounded: true, Bots: true, Templates: []Template{
			bot(IPv4{Src: Bot4, Dst: Shop4}), bot(IPv6{Src: Bot6, Dst: Shop6}),
		}},
	}
}

// bot is a packet of a connection that exists, though not one that it waits for.
func bot(ip Layer) Template {
	return Template{
		Packet:  Build(Ethernet{}, ip, TCP{From: BotPort, To: ServedPort, Flags: PSH | ACK, Ack: 1}, make(Payload, 64)),
		Numbers: true,
	}
}
