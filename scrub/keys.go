//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// keyOf is a prefix as a trie has it for a key: the bits, and the address as in a
// packet.
func keyOf(p netip.Prefix) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(p.Bits())), p.Masked().Addr().AsSlice()...)
}

// prefixOf reads such a key.
func prefixOf(key []byte) netip.Prefix {
	addr, _ := netip.AddrFromSlice(key[4:])
	return netip.PrefixFrom(addr, int(binary.NativeEndian.Uint32(key)))
}

// keysOf lists the prefixes of a map.
func keysOf(m *ebpf.Map) (prefixes []netip.Prefix, err error) {
	var key, value []byte
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		prefixes = append(prefixes, prefixOf(key))
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("scrub: reading %s: %w", m, err)
	}
	return prefixes, nil
}
