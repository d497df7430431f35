//go:build linux

package scrub

import (
	"encoding/binary"
	"slices"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// TCP for this host. Port 80 has a listener, 8443 has none.
func goldenTCP() (all []golden) {
	shop := func(name, reason string, budgets []kernelBudget, layers ...lab.Layer) {
		all = append(all, both(golden{name: name, policy: "shop", reason: reason, spent: budgets}, layers...)...)
	}
	to := func(port uint16, flags uint8) lab.TCP {
		s := segment(flags)
		s.To = port
		return s
	}
	syn := []kernelBudget{kernelBudgetBUDGET_SYN}
	stray := []kernelBudget{kernelBudgetBUDGET_OUT_OF_STATE}
	const answer = lab.SYN | lab.ACK

	shop("a SYN", "clean", nil, shopSYN)
	shop("a SYN to a range of ports", "clean", nil, to(9005, lab.SYN))
	shop("a SYN behind a range of ports", "port", nil, to(9011, lab.SYN))
	shop("a SYN before a range of ports", "port", nil, to(8999, lab.SYN))
	shop("an ACK to a port that is not served", "port", nil, to(22, lab.ACK))
	shop("a SYN with data", "syn_data", nil, shopSYN, lab.Payload("GET"))
	shop("a SYN with data beyond the budget", "syn_data", syn, shopSYN, lab.Payload("GET"))
	shop("a SYN beyond the budget", "syn_cookie", syn, shopSYN)
	shop("a SYN beyond the net's budget", "syn_cookie", []kernelBudget{kernelBudgetBUDGET_SYN_NET}, shopSYN)
	shop("a SYN without options beyond the budget", "syn_cookie", syn, to(80, lab.SYN))
	shop("the first SYN of a second, which the listener gets", "syncookie_refresh", syn, shopSYN)

	shop("an ACK within the budget", "clean", nil, segment(lab.ACK))
	shop("an ACK without a connection to a listener", "bad_cookie", stray, segment(lab.ACK))
	shop("a FIN without a connection to a listener", "bad_cookie", stray, segment(lab.FIN|lab.ACK))
	shop("a RST without a connection to a listener", "bad_cookie", stray, segment(lab.RST))
	shop("an ACK without a connection or a listener", "out_of_state", stray, to(8443, lab.ACK))
	shop("a RST without a connection or a listener", "out_of_state", stray, to(8443, lab.RST|lab.ACK))
	shop("an unsolicited SYN-ACK to a listener", "syn_ack_reflection", nil, segment(answer))
	shop("an unsolicited SYN-ACK without a listener", "syn_ack_reflection", nil, to(8443, answer))
	shop("an unsolicited SYN-ACK to a port that is not served", "syn_ack_reflection", nil, to(51000, answer))
	all = append(all, at(14, golden{name: "an unsolicited SYN-ACK, with outbound connections", policy: "open", reason: "syn_ack_reflection"}, to(51000, answer))...)
	all = append(all, at(14, golden{name: "an ACK to a port that is not served, with outbound connections", policy: "open", reason: "port"}, to(51000, lab.ACK))...)

	known := golden{name: "a verified source beyond its budget", policy: "shop", reason: "rate_verified", spent: []kernelBudget{kernelBudgetBUDGET_VERIFIED_SOURCE}, verified: true}
	all = append(all, both(known, segment(lab.ACK))...)
	known.name, known.reason, known.spent = "a verified source needs no connection", "clean", stray
	all = append(all, both(known, segment(lab.ACK))...)
	known.name, known.reason = "an unsolicited SYN-ACK of a verified source", "syn_ack_reflection"
	return append(all, both(known, segment(answer))...)
}

// TCP and others for the data centre.
func goldenRouted() (all []golden) {
	to := func(g golden, layers ...lab.Layer) {
		dest4, dest6 := addr("198.51.100.10"), addr("2001:db8:c::10")
		if g.policy == "" {
			g.policy = "centre"
		}
		if g.policy == "lost" {
			dest4, dest6 = addr("198.51.101.10"), addr("2001:db8:d::10")
		}
		g.packet, g.v6 = ip4(lab.IPv4{Dst: dest4}, layers...), false
		all = append(all, g)
		g.packet, g.v6 = ip6(lab.IPv6{Dst: dest6}, layers...), true
		all = append(all, g)
	}
	syn := []kernelBudget{kernelBudgetBUDGET_SYN}
	stray := []kernelBudget{kernelBudgetBUDGET_OUT_OF_STATE}
	source := []kernelBudget{kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_VERIFIED_SOURCE}
	big, fits := make(lab.Payload, 1600), make(lab.Payload, wayMTU-24-40-20)

	to(golden{name: "a SYN that is sent on", reason: "forwarded", leaves: wrapped}, shopSYN)
	to(golden{name: "UDP that is sent on", reason: "forwarded", leaves: wrapped}, lab.UDP{From: 40000, To: 5000}, lab.Payload("x"))
	to(golden{name: "an ACK that is sent on", reason: "forwarded", leaves: wrapped}, segment(lab.ACK), fits)
	to(golden{name: "an ACK that does not fit", reason: "too_big", leaves: tooBig}, segment(lab.ACK), big)
	to(golden{name: "no way", policy: "lost", reason: "no_route"}, segment(lab.ACK))
	to(golden{name: "a SYN beyond the budget", reason: "syn_auth", spent: syn}, shopSYN)
	to(golden{name: "a SYN of a verified source", reason: "forwarded", spent: syn, verified: true, leaves: wrapped}, shopSYN)
	to(golden{name: "a SYN of a verified source beyond its budget", reason: "rate_verified", spent: source, verified: true}, shopSYN)
	to(golden{name: "a stray ACK", reason: "out_of_state", spent: stray}, segment(lab.ACK))
	to(golden{name: "an unsolicited SYN-ACK", reason: "syn_ack_reflection"}, segment(lab.SYN|lab.ACK))
	to(golden{name: "a RST that verifies nothing", reason: "out_of_state", spent: stray}, segment(lab.RST))

	for _, vlan := range []bool{false, true} {
		old := golden{name: "a last hop", policy: "centre", reason: "no_route"}
		layers := []lab.Layer{wire}
		if vlan {
			old.name, layers = "in a VLAN, which ends here", []lab.Layer{wire, lab.VLAN{ID: 5}}
			old.reason, old.leaves = "forwarded", wrapped
		}
		ttl := uint8(1)
		if vlan {
			ttl = 2
		}
		old.packet = lab.Build(append(slices.Clone(layers), lab.IPv4{Src: client4, Dst: addr("198.51.100.10"), TTL: ttl}, shopSYN)...).Bytes
		all = append(all, old)
		old.packet, old.v6 = lab.Build(append(slices.Clone(layers), lab.IPv6{Src: client6, Dst: addr("2001:db8:c::10"), Hops: ttl}, shopSYN)...).Bytes, true
		all = append(all, old)
	}
	return all
}

// l3 is what is behind Ethernet and VLAN tags.
func l3(frame []byte) []byte {
	at := 12
	for binary.BigEndian.Uint16(frame[at:]) == 0x8100 || binary.BigEndian.Uint16(frame[at:]) == 0x88a8 {
		at += 4
	}
	return frame[at+2:]
}

// wrapped is a packet as it is sent on: in GRE, one hop older.
func wrapped(in []byte) []byte {
	inner, gre := slices.Clone(l3(in)), lab.GRE{Type: 0x86dd}
	if inner[0]>>4 == 4 {
		gre.Type = 0x0800
		inner[8]--
		copy(inner[10:], []byte{0, 0})
		binary.BigEndian.PutUint16(inner[10:], checksum(inner[:20]))
	} else {
		inner[7]--
	}
	outer := lab.IPv4{Src: addr(wayFrom), Dst: addr(wayTo), Fragment: 0x4000}
	return lab.Build(lab.Ethernet{Dst: [6]byte(wayMAC), Src: [6]byte(homeMAC)}, outer, gre, lab.Payload(inner)).Bytes
}

// tooBig is how the sender is told how long a packet may be.
func tooBig(in []byte) []byte {
	back, ip := lab.Ethernet{Dst: wire.Src, Src: wire.Dst}, l3(in)
	if ip[0]>>4 == 4 {
		head := lab.IPv4{Src: addr("198.51.100.10"), Dst: client4, Fragment: 0x4000}
		return lab.Build(back, head, lab.ICMP{Type: 3, Code: 4, Value: wayMTU - 24}, lab.Payload(ip[:68])).Bytes
	}
	head := lab.IPv6{Src: addr("2001:db8:c::10"), Dst: client6}
	return lab.Build(back, head, lab.ICMP{Type: 2, Value: wayMTU - 24}, lab.Payload(ip[:80])).Bytes
}

// checksum is that of RFC 1071.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for i, b := range slices.Concat(parts...) {
		sum += uint32(b) << (8 * (1 - i%2))
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
