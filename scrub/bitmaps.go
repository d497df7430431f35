//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// bitmapFilter keeps the bitmaps in front of the lists: see the picture in
// bpf/listed.h. It counts the prefixes behind each bit, and sets and clears the bits
// in the kernel.
type bitmapFilter struct {
	v4, v6         *ebpf.Map
	count4, count6 map[uint32]int // listed prefixes per bit, if there are any
	wide           int            // IPv6 prefixes wider than a /48, which have no bits
}

// Layout of a bitmap: coarse bits, then summary bits, then narrow bits.
const (
	coarseBits    = 1 << 24
	perSummaryBit = 16
	narrowBits    = coarseBits + coarseBits/perSummaryBit
)

func newBitmapFilter(v4, v6 *ebpf.Map) *bitmapFilter {
	return &bitmapFilter{v4: v4, v6: v6, count4: make(map[uint32]int), count6: make(map[uint32]int)}
}

// add counts a prefix that was listed (n is 1) or removed (-1).
func (b *bitmapFilter) add(p netip.Prefix, n int) error {
	if p.Addr().Is4() {
		first, last := span24(p)
		if p.Bits() > 24 {
			if err := count(b.v4, b.count4, narrowBits+first, n); err != nil {
				return err
			}
		}
		for bit := first; ; bit++ {
			if err := count(b.v4, b.count4, bit, n); err != nil || bit == last {
				return err
			}
		}
	}
	if p.Bits() < 48 {
		b.wide += n
		return nil
	}
	if p.Bits() > 48 {
		if err := count(b.v6, b.count6, narrowBits+bit6(p.Addr()), n); err != nil {
			return err
		}
	}
	return count(b.v6, b.count6, bit6(p.Addr()), n)
}

// span24 is the first and the last /24 of a prefix.
func span24(p netip.Prefix) (first, last uint32) {
	a := p.Masked().Addr().As4()
	first = binary.BigEndian.Uint32(a[:]) >> 8
	return first, first | (1<<max(0, 24-p.Bits()) - 1)
}

// bit6 is the bit of an address's /48. bpf/listed.h computes the same.
func bit6(addr netip.Addr) uint32 {
	a := addr.As16()
	return uint32(binary.BigEndian.Uint64(a[:8]) >> 16 * 0x9e3779b97f4a7c15 >> 40)
}

// count sets a bit with the first prefix that needs it, and clears it with the last.
// A summary bit counts how many of its coarse bits are set.
func count(m *ebpf.Map, counts map[uint32]int, bit uint32, n int) error {
	was := counts[bit]
	counts[bit] += n
	if counts[bit] == 0 {
		delete(counts, bit)
	}
	if (was == 0) == (counts[bit] == 0) {
		return nil
	}
	if bit < coarseBits {
		change := 1
		if counts[bit] == 0 {
			change = -1
		}
		if err := count(m, counts, coarseBits+bit/perSummaryBit, change); err != nil {
			return err
		}
	}
	var word uint64
	if err := m.Lookup(bit/64, &word); err != nil {
		return fmt.Errorf("scrub: reading the bitmaps of the lists: %w", err)
	}
	word |= 1 << (bit % 64)
	if counts[bit] == 0 {
		word &^= 1 << (bit % 64)
	}
	if err := m.Put(bit/64, word); err != nil {
		return fmt.Errorf("scrub: writing the bitmaps of the lists: %w", err)
	}
	return nil
}
