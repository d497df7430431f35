//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// quicPacket is the beginning of a QUIC packet.
func quicPacket(first byte, version uint32, size int) lab.Payload {
	p := make(lab.Payload, size)
	p[0] = first
	binary.BigEndian.PutUint32(p[1:], version)
	return p
}

// UDP, other protocols and fragments.
func goldenDatagrams() (all []golden) {
	shop := func(name, reason string, layers ...lab.Layer) {
		all = append(all, both(golden{name: name, policy: "shop", reason: reason}, layers...)...)
	}
	spent := func(name, reason string, budget kernelBudget, layers ...lab.Layer) {
		all = append(all, both(golden{name: name, policy: "shop", reason: reason, spent: []kernelBudget{budget}}, layers...)...)
	}
	some := make(lab.Payload, 32)
	served := lab.UDP{From: 40000, To: 5000}
	for _, port := range []uint16{17, 19, 53, 123, 389, 1900, 11211, 37810} {
		shop(fmt.Sprintf("from a reflector at port %d", port), "udp_reflection", lab.UDP{From: port, To: 443}, some)
	}
	shop("from beside a reflector", "clean", lab.UDP{From: 54, To: 5000}, some)
	shop("to a port that is served", "clean", served, some)
	shop("to a port that is not", "port", lab.UDP{From: 40000, To: 5001}, some)
	shop("to a port that only TCP has", "port", lab.UDP{From: 40000, To: 80}, some)
	shop("UDP without a payload", "clean", served)
	all = append(all, both(golden{name: "UDP shorter than its header", reason: "malformed"}, lab.UDP{From: 1, To: 5000, Fault: lab.Put16(4, 7)}, some)...)

	quic := lab.UDP{From: 40000, To: 443}
	for _, g := range []struct {
		name, reason string
		from         uint16
		payload      lab.Payload
	}{
		{"QUIC: an Initial", "clean", 40000, quicPacket(0xc0, 1, 1200)},
		{"QUIC: one byte too short", "quic", 40000, quicPacket(0xc0, 1, 1199)},
		{"QUIC: an Initial of version 2", "clean", 40000, quicPacket(0xd0, 0x6b3343cf, 1200)},
		{"QUIC: one of version 2 that is too short", "quic", 40000, quicPacket(0xd0, 0x6b3343cf, 1199)},
		{"QUIC: a Handshake may be short", "clean", 40000, quicPacket(0xe0, 1, 60)},
		{"QUIC: a Retry of version 2 may be short", "clean", 40000, quicPacket(0xc0, 0x6b3343cf, 60)},
		{"QUIC: what goes on may be short", "clean", 40000, quicPacket(0x40, 0, 30)},
		{"QUIC: without its fixed bit", "quic", 40000, quicPacket(0x80, 1, 1200)},
		{"QUIC: an unknown version", "clean", 40000, quicPacket(0xc0, 0x0a1a2a3a, 60)},
		{"QUIC: version negotiation comes from servers", "quic", 40000, quicPacket(0xc0, 0, 60)},
		{"QUIC: from the same port", "quic", 443, quicPacket(0xc0, 1, 1200)},
		{"QUIC: cut before its version", "quic", 40000, quicPacket(0xc0, 1, 5)[:4]},
	} {
		shop(g.name, g.reason, lab.UDP{From: g.from, To: 443}, g.payload)
	}
	shop("QUIC: nothing", "quic", quic)
	spent("QUIC: one Initial too many", "quic", kernelBudgetBUDGET_QUIC_INITIAL, quic, quicPacket(0xc0, 1, 1200))
	spent("QUIC: one unknown version too many", "quic", kernelBudgetBUDGET_QUIC_INITIAL, quic, quicPacket(0xc0, 7, 60))
	spent("QUIC: what goes on needs no Initial", "clean", kernelBudgetBUDGET_QUIC_INITIAL, quic, quicPacket(0x40, 0, 60))

	spent("more than the destination takes", "rate_dst", kernelBudgetBUDGET_UNVERIFIED, served, some)
	spent("more than its net takes", "rate_dst_net", kernelBudgetBUDGET_UNVERIFIED_NET, served, some)
	spent("more than a source may send", "rate_unverified", kernelBudgetBUDGET_UNVERIFIED_SOURCE, served, some)
	for _, budget := range []kernelBudget{kernelBudgetBUDGET_UNVERIFIED, kernelBudgetBUDGET_UNVERIFIED_NET, kernelBudgetBUDGET_UNVERIFIED_SOURCE} {
		spent("TCP has budgets of its own", "clean", budget, segment(lab.ACK))
	}

	for protocol, reason := range map[uint8]string{2: "protocol", 4: "protocol", 41: "protocol", 47: "protocol", 50: "clean", 99: "protocol", 132: "protocol", 255: "protocol"} {
		g := golden{name: fmt.Sprintf("protocol %d", protocol), policy: "shop", reason: reason}
		g.packet = ip4(lab.IPv4{Protocol: protocol}, some)
		all = append(all, g)
		g.packet, g.v6 = ip6(lab.IPv6{Next: protocol}, some), true
		all = append(all, g)
	}
	return append(all, goldenFragments(some)...)
}

func goldenFragments(some lab.Payload) (all []golden) {
	part := func(name, reason string, offset uint16, more bool, protocol uint8, layers ...lab.Layer) {
		flag, flag6 := uint16(0), uint16(0)
		if more {
			flag, flag6 = lab.MoreFragments, 1
		}
		policy := "shop"
		if reason == "malformed" {
			policy = ""
		}
		g := golden{name: name, policy: policy, reason: reason}
		g.packet = ip4(lab.IPv4{Protocol: protocol, Fragment: flag | offset}, layers...)
		all = append(all, g)
		body := append(binary.BigEndian.AppendUint16(nil, offset<<3|flag6), 0, 0, 0, 7)
		header := lab.Extension{Kind: 44, Next: protocol, Body: body}
		g.packet, g.v6 = ip6(lab.IPv6{}, append([]lab.Layer{header}, layers...)...), true
		all = append(all, g)
	}
	datagram := lab.UDP{From: 40000, To: 5000}
	part("the first part of a datagram", "fragment", 0, true, 0, datagram, some)
	part("a part in the middle", "fragment", 64, true, 17, some)
	part("the last part", "fragment", 64, false, 17, some)
	part("a part that overlaps the ports", "fragment", 1, false, 6, some)
	part("the first part of a segment", "fragment", 0, true, 0, segment(lab.ACK), some)
	part("a first part that ends in the TCP header", "malformed", 0, true, 6, some[:8])
	part("a fragment that is whole", "clean", 0, false, 0, datagram, some)
	return all
}

func goldenICMP() (all []golden) {
	one := func(name, reason string, v6 bool, budgets []kernelBudget, packet []byte) {
		all = append(all, golden{name: name, policy: "shop", reason: reason, packet: packet, v6: v6, spent: budgets})
	}
	ours4 := lab.Payload(ip4(lab.IPv4{Src: shop4, Dst: client4}, lab.UDP{From: 5000, To: 40000})[14:])
	ours6 := lab.Payload(ip6(lab.IPv6{Src: shop6, Dst: client6}, lab.UDP{From: 5000, To: 40000})[14:])
	strange4 := lab.Payload(ip4(lab.IPv4{Src: client4, Dst: shop4}, segment(lab.ACK))[14:])
	strange6 := lab.Payload(ip6(lab.IPv6{Src: client6, Dst: shop6}, segment(lab.ACK))[14:])
	icmp, errors := []kernelBudget{kernelBudgetBUDGET_ICMP}, []kernelBudget{kernelBudgetBUDGET_ICMP_ERROR}
	flooded := []kernelBudget{kernelBudgetBUDGET_ICMP, kernelBudgetBUDGET_UNVERIFIED, kernelBudgetBUDGET_UNVERIFIED_NET, kernelBudgetBUDGET_UNVERIFIED_SOURCE}

	one("a ping", "clean", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: 8}))
	one("a ping", "clean", true, nil, ip6(lab.IPv6{}, lab.ICMP{Type: 128}))
	one("a ping too many", "icmp", false, icmp, ip4(lab.IPv4{}, lab.ICMP{Type: 8}))
	one("a ping too many", "icmp", true, icmp, ip6(lab.IPv6{}, lab.ICMP{Type: 128}))
	one("the answer to a ping", "icmp", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: 0}))
	one("the answer to a ping", "icmp", true, nil, ip6(lab.IPv6{}, lab.ICMP{Type: 129}))
	all = append(all, at(14, golden{name: "an answer, with outbound connections", policy: "open", reason: "icmp"}, lab.ICMP{Type: 8 + 5})...)
	for _, v6 := range []bool{false, true} {
		g := golden{name: "the answer to a ping of ours", policy: "open", reason: "clean", v6: v6}
		if g.packet = ip4(lab.IPv4{Dst: addr("203.0.113.14")}, lab.ICMP{Type: 0}); v6 {
			g.packet = ip6(lab.IPv6{Dst: addr("2001:db8:113::14")}, lab.ICMP{Type: 129})
		}
		all = append(all, g)
	}
	for _, kind := range []uint8{3, 11, 12} {
		one("news of a packet of ours", "clean", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: kind, Code: 4, Value: 1400}, ours4))
		one("news of a packet of ours, one too many", "icmp", false, errors, ip4(lab.IPv4{}, lab.ICMP{Type: kind}, ours4))
		one("news of a packet of ours under a flood", "clean", false, flooded, ip4(lab.IPv4{}, lab.ICMP{Type: kind}, ours4))
		one("news of a packet that is not ours", "icmp", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: kind}, strange4))
		one("news in the padding of a frame", "icmp", false, nil, append(ip4(lab.IPv4{}, lab.ICMP{Type: kind}), ours4...))
		one("news of nothing", "icmp", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: kind}, ours4[:19]))
	}
	for _, kind := range []uint8{1, 2, 3, 4} {
		one("news of a packet of ours", "clean", true, nil, ip6(lab.IPv6{}, lab.ICMP{Type: kind, Value: 1400}, ours6))
		one("news of a packet of ours, one too many", "icmp", true, errors, ip6(lab.IPv6{}, lab.ICMP{Type: kind}, ours6))
		one("news of a packet of ours under a flood", "clean", true, flooded, ip6(lab.IPv6{}, lab.ICMP{Type: kind}, ours6))
		one("news of a packet that is not ours", "icmp", true, nil, ip6(lab.IPv6{}, lab.ICMP{Type: kind}, strange6))
		one("news in the padding of a frame", "icmp", true, nil, append(ip6(lab.IPv6{}, lab.ICMP{Type: kind}), ours6...))
		one("news of nothing", "icmp", true, nil, ip6(lab.IPv6{}, lab.ICMP{Type: kind}, ours6[:39]))
	}
	for _, kind := range []uint8{4, 5, 9, 13, 17} {
		one("ICMP of other types", "icmp", false, nil, ip4(lab.IPv4{}, lab.ICMP{Type: kind}, ours4))
	}
	for _, kind := range []uint8{130, 132, 138, 139, 200} {
		one("ICMP of other types", "icmp", true, nil, ip6(lab.IPv6{Hops: 255}, lab.ICMP{Type: kind}, ours6))
	}
	for _, kind := range []uint8{133, 134, 135, 136, 137} {
		one("neighbour discovery", "clean", true, nil, ip6(lab.IPv6{Hops: 255}, lab.ICMP{Type: kind}, make(lab.Payload, 16)))
		one("neighbour discovery under a flood", "clean", true, flooded, ip6(lab.IPv6{Hops: 255}, lab.ICMP{Type: kind}, make(lab.Payload, 16)))
		one("neighbour discovery from another link", "icmp", true, nil, ip6(lab.IPv6{Hops: 254}, lab.ICMP{Type: kind}, make(lab.Payload, 16)))
	}
	near := golden{name: "neighbour discovery in the destination's own prefix", policy: "net", reason: "clean", v6: true}
	near.packet = ip6(lab.IPv6{Src: addr("2001:db8:113:8000::1"), Dst: addr("2001:db8:113:8000::2"), Hops: 255}, lab.ICMP{Type: 136}, make(lab.Payload, 16))
	all = append(all, near)
	near.name, near.reason = "the same from another link", "bogon"
	near.packet = ip6(lab.IPv6{Src: addr("2001:db8:113:8000::1"), Dst: addr("2001:db8:113:8000::2"), Hops: 254}, lab.ICMP{Type: 136}, make(lab.Payload, 16))
	all = append(all, near)
	one("ICMPv6 in IPv4", "protocol", false, nil, ip4(lab.IPv4{Protocol: 58}, lab.ICMP{Type: 128}))
	one("ICMP in IPv6", "protocol", true, nil, ip6(lab.IPv6{Next: 1}, lab.ICMP{Type: 8}))
	return all
}
