//go:build linux

package scrub

import (
	"net/netip"

	"github.com/theriac-edge/theriac/scrub/lab"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// Sources.
func goldenSources() (all []golden) {
	to := func(name, reason, from, dest string, layers ...lab.Layer) {
		policy := "shop"
		if dest != shop4.String() && dest != shop6.String() {
			policy = "net"
		}
		g := golden{name: name, policy: policy, reason: reason, v6: addr(from).Is6()}
		if g.packet = nil; g.v6 {
			g.packet = six(from, dest, layers...)
		} else {
			g.packet = four(from, dest, layers...)
		}
		all = append(all, g)
	}
	shop := func(name, reason, from string, layers ...lab.Layer) {
		dest := shop4
		if addr(from).Is6() {
			dest = shop6
		}
		to(name, reason, from, dest.String(), layers...)
	}
	ack, ping := segment(lab.ACK), lab.ICMP{Type: 128}

	shop("denied by its /24", "denied", "192.0.2.1", shopSYN)
	shop("denied by its /24, whatever it says", "denied", "192.0.2.255", lab.UDP{From: 53, To: 9})
	shop("beside the /24 that is denied", "clean", "192.0.3.1", ack)
	shop("denied by a /15, at its beginning", "denied", "198.18.0.1", ack)
	shop("denied by a /15, at its end", "denied", "198.19.255.255", ack)
	shop("behind the /15 that is denied", "clean", "198.20.0.0", ack)
	shop("denied by its /48", "denied", "2001:db8:dead::1", ack)
	shop("denied by its /48, at its end", "denied", "2001:db8:dead:ffff:ffff:ffff:ffff:ffff", ack)
	shop("beside the /48 that is denied", "clean", "2001:db8:deae::1", ack)
	shop("denied by a /36", "denied", "2001:db8:f0ff::1", ack)
	shop("allowed, although its /24 is denied", "allowed", "192.0.2.7", lab.UDP{From: 53, To: 9})
	shop("allowed, although its /48 is denied", "allowed", "2001:db8:dead::7", lab.UDP{From: 53, To: 9})

	shop("from this network", "bogon", "0.1.2.3", ack)
	shop("from loopback", "bogon", "127.0.0.1", ack)
	shop("from a multicast address", "bogon", "224.0.0.1", ack)
	shop("from what is reserved", "bogon", "250.0.0.1", ack)
	shop("from the broadcast address", "bogon", "255.255.255.255", ack)
	shop("from just below multicast", "clean", "223.255.255.255", ack)
	shop("from the unspecified address", "bogon", "::", ack)
	shop("from loopback", "bogon", "::1", ack)
	shop("from an IPv4 address in IPv6", "bogon", "::ffff:192.0.2.1", ack)
	shop("from a multicast address", "bogon", "ff02::1", ack)
	shop("TCP from a link-local address", "bogon", "fe80::1", ack)
	shop("a ping from a link-local address", "clean", "fe80::1", ping)
	to("from the destination's own prefix", "bogon", "203.0.113.129", "203.0.113.200", shopSYN)
	to("from beside the destination's own prefix", "clean", "203.0.113.127", "203.0.113.200", shopSYN)
	to("from the destination's own prefix", "bogon", "2001:db8:113:8000::1", "2001:db8:113:8001::1", shopSYN)
	to("from beside the destination's own prefix", "clean", "2001:db8:113:7000::1", "2001:db8:113:8001::1", shopSYN)

	for _, options := range [][]byte{{7, 7, 4, 0, 0, 0, 0, 0}, {1, 1, 1, 0}} {
		g := golden{name: "IP options", policy: "shop", reason: "options"}
		g.packet = ip4(lab.IPv4{Options: options}, shopSYN)
		all = append(all, g)
	}
	for _, kind := range []uint8{0, 43, 60} {
		g := golden{name: "an extension header", policy: "shop", reason: "options", v6: true}
		g.packet = ip6(lab.IPv6{}, lab.Extension{Kind: kind}, shopSYN)
		all = append(all, g)
		g.name, g.packet = "two of them", ip6(lab.IPv6{}, lab.Extension{Kind: kind}, lab.Extension{Kind: 60, Body: make([]byte, 14)}, shopSYN)
		all = append(all, g)
		g.name, g.packet = "five of them, which is one too many to look behind", ip6(lab.IPv6{}, lab.Extension{Kind: kind}, lab.Extension{Kind: 60}, lab.Extension{Kind: 60}, lab.Extension{Kind: 60}, lab.Extension{Kind: 60}, shopSYN)
		all = append(all, g)
	}
	return all
}
