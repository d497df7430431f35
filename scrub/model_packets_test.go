//go:build linux

package scrub

import (
	"math/rand/v2"
	"slices"
)

// What random packets are made of: few values, so that they meet.
var (
	sources4 = []string{"100.64.1.1", "100.64.1.2", "192.0.2.7", "192.0.2.9", "198.19.0.1", "203.0.113.129", "203.0.113.10", "127.0.0.1", "224.0.0.1"}
	sources6 = []string{"2a00:1:2:3::1", "2a00:1:2:3::2", "2a00:1:2:4::1", "2001:db8:dead::7", "2001:db8:dead::9", "2001:db8:f00f::1", "2001:db8:113:8001::5", "2001:db8:113::10", "fe80::1", "ff02::1", "::1"}
	dests4   = []string{"203.0.113.10", "203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.14", "203.0.113.15", "203.0.113.130", "198.51.100.10", "198.51.100.77", "198.51.101.10", "203.0.113.99"}
	dests6   = []string{"2001:db8:113::10", "2001:db8:113::10", "2001:db8:113::11", "2001:db8:113::12", "2001:db8:113::14", "2001:db8:113::15", "2001:db8:113:8001::7", "2001:db8:c::10", "2001:db8:c::77", "2001:db8:d::10", "2001:db8:113::99"}
	ports    = []uint16{22, 53, 80, 123, 443, 5000, 8443, 9005, 40000}
	kinds    = []uint8{0, 1, 2, 6, 17, 43, 44, 47, 50, 58, 60}
	icmps    = []uint8{0, 1, 2, 3, 4, 8, 11, 12, 128, 129, 133, 135, 136, 139}
	hops     = []uint8{0, 1, 2, 64, 254, 255}
)

func one[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// mutated is one of the corpus with some fields changed.
func mutated(r *rand.Rand, corpus [][]byte) []byte {
	p := slices.Clone(one(r, corpus))
	for range r.IntN(4) {
		p = mutate(r, p)
	}
	return p
}

func mutate(r *rand.Rand, p []byte) []byte {
	if len(p) < 54 {
		return p
	}
	ip := l3(p)
	four := len(ip) >= 20 && ip[0]>>4 == 4
	if !four && len(ip) < 40 {
		return p
	}
	l4 := ip[min(40, len(ip)):]
	if four {
		l4 = ip[20:]
	}
	switch r.IntN(16) {
	case 0, 1, 2:
		if four {
			copy(ip[16:], addr(one(r, dests4)).AsSlice())
		} else {
			copy(ip[24:], addr(one(r, dests6)).AsSlice())
		}
	case 3, 4:
		if four {
			copy(ip[12:], addr(one(r, sources4)).AsSlice())
		} else {
			copy(ip[8:], addr(one(r, sources6)).AsSlice())
		}
	case 5, 6:
		if len(l4) >= 4 {
			be.PutUint16(l4[2*r.IntN(2):], one(r, ports))
		}
	case 7:
		if len(l4) >= 14 {
			l4[13] = one(r, saneFlags)
		}
	case 8:
		if len(l4) >= 14 {
			l4[13] = uint8(r.IntN(256))
		}
	case 9:
		field(ip, four, 9, 6)[0] = one(r, kinds)
	case 10:
		field(ip, four, 8, 7)[0] = one(r, hops)
	case 11:
		if len(l4) > 0 {
			l4[0] = one(r, icmps)
		}
	case 12:
		length := field(ip, four, 2, 4)
		be.PutUint16(length, be.Uint16(length)+uint16(r.IntN(9))-4)
	case 13:
		p[r.IntN(len(p))] ^= 1 << r.IntN(8)
	case 14:
		if r.IntN(4) == 0 {
			return p[:14+r.IntN(len(p)-14)]
		}
		return append(p, make([]byte, r.IntN(64))...) // padding
	case 15:
		return tagged(r, p)
	}
	return p
}

// field is a field of IPv4 or of IPv6.
func field(ip []byte, four bool, at4, at6 int) []byte {
	if four {
		return ip[at4:]
	}
	return ip[at6:]
}

// tagged puts a VLAN tag in.
func tagged(r *rand.Rand, p []byte) []byte {
	tag := []byte{0x81, 0, 0, 5}
	if r.IntN(2) == 0 {
		tag = []byte{0x88, 0xa8, 0, 6}
	}
	return slices.Insert(p, 12, tag...)
}
