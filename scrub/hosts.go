package scrub

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// Protected single addresses are in hash tables of buckets, see bpf/destination.h.
const (
	buckets  = 16384
	bucket   = len(kernelHostBucket4{}.Host)
	maxHosts = 4096 // for more, no seed may be found
)

// singles counts the prefixes that are a single address.
func singles(prefixes map[netip.Prefix]string) (n int) {
	for p := range prefixes {
		if p.IsSingleIP() {
			n++
		}
	}
	return n
}

// bucketOf is the bucket in which scrub.c looks for an address.
func bucketOf(addr netip.Addr, seed uint64) uint32 {
	w := addrWords(addr)
	folded := uint64(w[0])
	if addr.Is6() {
		folded = (uint64(w[0])<<32|uint64(w[1]))*31 + (uint64(w[3])<<32 | uint64(w[2]))
	}
	return uint32(uint64(uint32(folded^folded>>32))*seed>>32) % buckets
}

// findSeed finds a seed with which no bucket overflows.
func findSeed(hosts map[netip.Addr]uint32) (uint64, error) {
	for range 1000 {
		seed, full := rand.Uint64()|1, false
		four, six := make(map[uint32]int), make(map[uint32]int)
		for addr := range hosts {
			counts := four
			if addr.Is6() {
				counts = six
			}
			i := bucketOf(addr, seed)
			counts[i]++
			full = full || counts[i] > bucket
		}
		if !full {
			return seed, nil
		}
	}
	return 0, errors.New("scrub: the protected addresses do not fit into their tables; protect prefixes instead of single addresses")
}

// addrWord is an IPv4 address in network byte order.
func addrWord(addr netip.Addr) uint32 {
	a := addr.As4()
	return binary.NativeEndian.Uint32(a[:])
}

func wordAddr(word uint32) netip.Addr {
	var a [4]byte
	binary.NativeEndian.PutUint32(a[:], word)
	return netip.AddrFrom4(a)
}

// addrWords is an address in network byte order, an IPv4 address in the first word.
func addrWords(addr netip.Addr) (w [4]uint32) {
	raw := addr.AsSlice()
	for i := range len(raw) / 4 {
		w[i] = binary.NativeEndian.Uint32(raw[4*i:])
	}
	return w
}

func maskOf(p netip.Prefix) (mask [4]uint32) {
	all, _ := netip.AddrFromSlice(slices.Repeat([]byte{0xff}, p.Addr().BitLen()/8))
	cut, _ := all.Prefix(p.Bits())
	return addrWords(cut.Addr())
}

// nets reports whether prefixes of each family are protected, which cost another
// look-up.
func (c *Config) nets() (four, six uint8) {
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			switch {
			case prefix.IsSingleIP():
			case prefix.Addr().Is4():
				four = 1
			default:
				six = 1
			}
		}
	}
	return four, six
}

// protected are the protected prefixes that are not single addresses, and the names
// of their policies.
func (c *Config) protected() map[netip.Prefix]string {
	all := make(map[netip.Prefix]string)
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			if !prefix.IsSingleIP() {
				all[prefix.Prefix] = p.Name
			}
		}
	}
	return all
}
