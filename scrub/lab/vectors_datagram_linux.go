package lab

import (
	"net/netip"
	"slices"
)

// reflectors are the UDP services whose answers are larger than their requests, and go
// to a spoofed source.
var reflectors = []uint16{
	17,    // quote of the day
	19,    // chargen
	53,    // DNS
	69,    // TFTP
	111,   // RPC
	123,   // NTP
	137,   // NetBIOS
	161,   // SNMP
	389,   // CLDAP
	520,   // RIP
	1701,  // L2TP
	1900,  // SSDP
	3283,  // Apple Remote Management
	3478,  // STUN
	3702,  // WS-Discovery
	5093,  // Sentinel
	5353,  // mDNS
	5683,  // CoAP
	10001, // Ubiquiti
	11211, // memcached
	27015, // Steam
	32414, // Plex
	37810, // DHDiscover
}

func datagramVectors() []Vector {
	few4, few6 := netip.MustParsePrefix("100.64.0.8/30"), netip.MustParsePrefix("2a00:1:2:3::/64")
	return []Vector{
		{Name: "amplification", Reason: "udp_reflection", Templates: amplification()},
		{Name: "UDP flood", Reason: "port", Templates: slices.Concat(
			spoofed(UDP{To: 27015}, make(Payload, 32)), spoofed(UDP{To: ServedPort}, make(Payload, 900)))},
		{Name: "UDP flood at a port that is served", Reason: "rate_dst", Bounded: true, Templates: spoofed(UDP{To: UDPPort}, make(Payload, 200))},
		{Name: "UDP flood over a whole net", Reason: "rate_dst_net", Bounded: true, Templates: carpet(UDP{To: UDPPort}, make(Payload, 64))},
		{Name: "UDP flood from few sources", Reason: "rate_unverified", Bounded: true, Templates: between(few4, few6, Busy4, Busy6, UDP{To: UDPPort}, make(Payload, 64))},
		{Name: "ICMP flood", Reason: "icmp", Bounded: true, Templates: pings()},
		{Name: "bogus ICMP", Reason: "icmp", Templates: icmp()},
		{Name: "invalid QUIC", Reason: "quic", Templates: quic()},
		{Name: "QUIC Initial flood", Reason: "quic", Bounded: true, Templates: slices.Concat(
			spoofed(UDP{To: QUICPort}, initial(1, 1200)), spoofed(UDP{To: QUICPort}, initial(0x0a1a2a3a, 1200)))},
	}
}

func amplification() (templates []Template) {
	for _, port := range reflectors {
		templates = append(templates, spoofed(UDP{From: port, To: QUICPort}, make(Payload, 460))...)
	}
	return templates
}

func pings() (templates []Template) {
	for _, size := range []int{56, 1000} {
		templates = append(templates,
			four(nil, ICMP{Type: 8, Value: 1}, make(Payload, size)),
			six(nil, ICMP{Type: 128, Value: 1}, make(Payload, size)))
	}
	return templates
}

// icmp is unsolicited answers, and errors about packets that the destination has not
// sent.
func icmp() []Template {
	others := netip.MustParseAddr("198.51.100.77")
	strange := Build(IPv4{Src: others, Dst: SpoofedNet4.Addr()}, segment(ACK)).Bytes
	strange6 := Build(IPv6{Src: Centre6, Dst: SpoofedNet6.Addr()}, segment(ACK)).Bytes
	return []Template{
		four(nil, ICMP{Type: 0}, make(Payload, 56)),                    // echo reply: smurf
		four(nil, ICMP{Type: 5, Value: 7}, Payload(strange)),           // redirect
		four(nil, ICMP{Type: 13}, make(Payload, 12)),                   // timestamp
		four(nil, ICMP{Type: 17}, make(Payload, 4)),                    // address mask
		four(nil, ICMP{Type: 3, Code: 3}, Payload(strange)),            // port unreachable
		four(nil, ICMP{Type: 3, Code: 4, Value: 68}, Payload(strange)), // too big
		four(nil, ICMP{Type: 11}, Payload(strange)),                    // time exceeded
		four(nil, ICMP{Type: 3, Code: 1}, make(Payload, 8)),            // about nothing
		six(nil, ICMP{Type: 129}, make(Payload, 56)),                   // echo reply
		six(nil, ICMP{Type: 136}, make(Payload, 16)),                   // neighbour discovery from another link
		six(nil, ICMP{Type: 137}, make(Payload, 32)),                   // a redirect from another link
		six(nil, ICMP{Type: 139}, make(Payload, 16)),                   // node information
		six(nil, ICMP{Type: 1, Code: 4}, Payload(strange6)),            // port unreachable
		six(nil, ICMP{Type: 2, Value: 1280}, Payload(strange6)),        // too big
		six(nil, ICMP{Type: 3}, make(Payload, 8)),                      // about nothing
	}
}

// initial is the beginning of a QUIC Initial (RFC 9000), which no server can
// decrypt.
func initial(version uint32, size int) Payload {
	p := make(Payload, size)
	copy(p, []byte{0xc3, byte(version >> 24), byte(version >> 16), byte(version >> 8), byte(version), 8})
	return p
}

func quic() []Template {
	return slices.Concat(
		spoofed(UDP{To: QUICPort}, initial(1, 300)),                  // too short
		spoofed(UDP{To: QUICPort}, initial(1, 1199)),                 //
		spoofed(UDP{To: QUICPort}, initial(0, 100)),                  // negotiates versions with a server
		spoofed(UDP{From: QUICPort, To: QUICPort}, initial(1, 1200)), // reflected
		spoofed(UDP{To: QUICPort}, make(Payload, 64)),                // not QUIC
		spoofed(UDP{To: QUICPort}),                                   // nothing
	)
}
