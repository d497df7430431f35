//go:build linux

package scrub

import "github.com/theriac-edge/theriac/scrub/lab"

// What the parser has to say.

func goldenHeaders() (all []golden) {
	clean := golden{reason: "clean", policy: "shop"}
	bad := golden{reason: "malformed"}
	other := golden{reason: "unprotected"}
	ack := segment(lab.ACK)

	for _, g := range []struct {
		name   string
		golden golden
		layers []lab.Layer
	}{
		{"a frame that says ARP", other, []lab.Layer{lab.Ethernet{Type: 0x0806}, lab.Payload(make([]byte, 28))}},
		{"a frame that ends in its VLAN tag", bad, []lab.Layer{lab.Ethernet{Type: 0x8100}, lab.Payload{0, 1, 8}}},
		{"one VLAN tag", clean, []lab.Layer{wire, lab.VLAN{ID: 7}, lab.IPv4{Src: client4, Dst: shop4}, ack}},
		{"two VLAN tags", clean, []lab.Layer{lab.Ethernet{Type: 0x88a8}, lab.VLAN{ID: 7}, lab.VLAN{ID: 8}, lab.IPv4{Src: client4, Dst: shop4}, ack}},
		{"three VLAN tags, which no host reads", other, []lab.Layer{wire, lab.VLAN{ID: 7}, lab.VLAN{ID: 8}, lab.VLAN{ID: 9}, lab.IPv4{Src: client4, Dst: shop4}, ack}},
		{"an IP header of 16 bytes behind two VLAN tags", bad, []lab.Layer{wire, lab.VLAN{ID: 7}, lab.VLAN{ID: 8}, lab.IPv4{Src: client4, Dst: shop4, Fault: lab.Put8(0, 0x44)}, ack}},
	} {
		g.golden.name, g.golden.packet = g.name, lab.Build(g.layers...).Bytes
		all = append(all, g.golden)
		six := make([]lab.Layer, len(g.layers))
		for i, l := range g.layers {
			if old, ok := l.(lab.IPv4); ok {
				l = lab.IPv6{Src: client6, Dst: shop6, Fault: old.Fault}
			}
			six[i] = l
		}
		g.golden.packet, g.golden.v6 = lab.Build(six...).Bytes, true
		all = append(all, g.golden)
	}

	for name, fault := range map[string]lab.Fault{
		"a header of 16 bytes":                     lab.Put8(0, 0x44),
		"version 6 in IPv4's frame":                lab.Put8(0, 0x65),
		"a header that ends behind the packet":     lab.Put8(0, 0x4f),
		"longer than it is":                        lab.Put16(2, 1400),
		"shorter than its header":                  lab.Put16(2, 16),
		"TTL 0":                                    lab.Put8(8, 0),
		"TCP with no room for its header":          lab.Put16(2, 39),
		"ICMP with no room for its header":         func(h []byte) { lab.Put8(9, 1)(h); lab.Put16(2, 27)(h) },
		"UDP that is longer than what is there":    lab.Put8(9, 17),
		"a first fragment that ends in its header": func(h []byte) { lab.Put16(2, 30)(h); lab.Put16(6, lab.MoreFragments)(h) },
	} {
		g := bad
		g.name, g.packet = name, ip4(lab.IPv4{Fault: fault}, ack)
		all = append(all, g)
	}
	for name, fault := range map[string]lab.Fault{
		"version 4 in IPv6's frame":       lab.Put8(0, 0x40),
		"longer than it is":               lab.Put16(4, 1400),
		"so long that the length wraps":   lab.Put16(4, 0xffe0),
		"hop limit 0":                     lab.Put8(7, 0),
		"TCP with no room for its header": lab.Put16(4, 19),
		"UDP longer than what is there":   lab.Put8(6, 17),
		"extension that is cut":           func(h []byte) { lab.Put8(6, 60)(h); lab.Put16(4, 4)(h) },
	} {
		g := bad
		g.name, g.packet, g.v6 = name, ip6(lab.IPv6{Fault: fault}, ack), true
		all = append(all, g)
	}
	long := golden{name: "extension headers of more than a KiB, that no host sends", reason: "malformed", v6: true}
	body := make([]byte, 1206)
	decoy := ip6(lab.IPv6{}, ack)[54:]
	copy(body[(54+1208)%1024-54-2:], decoy) // where a reader that is short of bits would look
	long.packet = ip6(lab.IPv6{}, lab.Extension{Kind: 60, Body: body}, ack)
	all = append(all, long)

	for name, fault := range map[string]lab.Fault{
		"a TCP header of 16 bytes":             lab.Put8(12, 0x40),
		"a TCP header that ends behind itself": lab.Put8(12, 0xf0),
	} {
		g, t := bad, ack
		g.name, t.Fault = name, fault
		all = append(all, both(g, t)...)
	}
	for _, flags := range []uint8{0, lab.FIN, lab.PSH, lab.URG, lab.SYN | lab.FIN, lab.SYN | lab.RST, lab.SYN | lab.PSH, lab.RST | lab.FIN, 63} {
		all = append(all, both(golden{name: "TCP flags that no stack sends", reason: "flags"}, segment(flags))...)
	}
	for _, flags := range []uint8{lab.RST, lab.RST | lab.ACK, lab.RST | lab.PSH | lab.ACK, lab.ACK, lab.FIN | lab.ACK, lab.PSH | lab.ACK, lab.URG | lab.ACK, lab.SYN, lab.SYN | 64 | 128} {
		g := clean
		g.name = "TCP flags that stacks send"
		all = append(all, both(g, segment(flags))...)
	}
	land := golden{name: "sent to itself", reason: "land"}
	land.packet = four("203.0.113.10", "203.0.113.10", shopSYN)
	all = append(all, land)
	land.packet, land.v6 = six("2001:db8:113::10", "2001:db8:113::10", shopSYN), true
	return append(all, land)
}

// Destinations.
func goldenDestinations() (all []golden) {
	unprotected := golden{name: "to an address that is not protected", reason: "unprotected"}
	all = append(all, at(99, unprotected, segment(lab.ACK))...)
	all = append(all, at(11, golden{name: "to a policy that is off", policy: "idle", reason: "off"}, lab.UDP{From: 53, To: 9})...)
	all = append(all, at(12, golden{name: "watched for its port", policy: "seen", reason: "clean", monitored: "port"}, lab.TCP{To: 22, Flags: lab.SYN})...)
	all = append(all, at(12, golden{name: "watched for the first reason of two", policy: "seen", reason: "clean", monitored: "udp_reflection"}, lab.UDP{From: 53, To: 9})...)
	all = append(all, at(12, golden{name: "watched as a flood of SYNs", policy: "seen", reason: "clean", monitored: "syn_cookie", spent: []kernelBudget{kernelBudgetBUDGET_SYN}}, shopSYN)...)
	all = append(all, at(12, golden{name: "watched for no reason", policy: "seen", reason: "clean"}, shopSYN)...)
	denied := golden{name: "watched for its source", policy: "seen", reason: "clean", monitored: "denied"}
	denied.packet = four("192.0.2.9", "203.0.113.12", shopSYN)
	all = append(all, denied)
	denied.packet, denied.v6 = six("2001:db8:dead::9", "2001:db8:113::12", shopSYN), true
	all = append(all, denied)

	single := golden{name: "to an address of a protected prefix", policy: "net", reason: "clean"}
	single.packet = four(client4.String(), "203.0.113.200", shopSYN)
	all = append(all, single)
	single.packet, single.v6 = six(client6.String(), "2001:db8:113:8001::1", shopSYN), true
	all = append(all, single)

	option := []byte{1, 1, 1, 0}
	off := golden{name: "options where they are off", policy: "some", reason: "clean"}
	off.packet = ip4(lab.IPv4{Dst: addr("203.0.113.15"), Options: option}, shopSYN)
	all = append(all, off)
	off.packet, off.v6 = ip6(lab.IPv6{Dst: addr("2001:db8:113::15")}, lab.Extension{Kind: 60}, shopSYN), true
	all = append(all, off)
	all = append(all, at(15, golden{name: "an ACK without a connection where that is off", policy: "some", reason: "clean", spent: []kernelBudget{kernelBudgetBUDGET_OUT_OF_STATE}}, segment(lab.ACK))...)
	part := golden{name: "a fragment that is watched", policy: "some", reason: "clean", monitored: "fragment"}
	part.packet = ip4(lab.IPv4{Dst: addr("203.0.113.15"), Fragment: 64, Protocol: 6}, lab.Payload(make([]byte, 64)))
	return append(all, part)
}
