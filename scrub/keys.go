//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// keyOf is a prefix as a table or a trie has it for a key: the bits, and the address as in a
// packet.
func keyOf(p netip.Prefix) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(p.Bits())), addressKey(p)...)
}

// addressKey is the same for a map of single addresses.
func addressKey(p netip.Prefix) []byte { return p.Masked().Addr().AsSlice() }

// prefixOf reads either key.
func prefixOf(key []byte) netip.Prefix {
	bits := len(key) * 8
	if len(key) == 8 || len(key) == 20 {
		bits = int(binary.NativeEndian.Uint32(key))
		key = key[4:]
	}
	addr, _ := netip.AddrFromSlice(key)
	return netip.PrefixFrom(addr, bits)
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

// fill has a map hold these prefixes and no others: first all that are wanted,
// then without those that are no more.
func fill(m *ebpf.Map, prefixes []netip.Prefix) error {
	key := keyOf
	if m.KeySize() == 4 || m.KeySize() == 16 {
		key = addressKey
	}
	wanted := make(map[netip.Prefix]bool)
	for _, p := range prefixes {
		wanted[p.Masked()] = true
		if err := m.Put(key(p), uint8(1)); err != nil {
			return fmt.Errorf("scrub: writing %s into %s: %w", p, m, err)
		}
	}
	there, err := keysOf(m)
	if err != nil {
		return err
	}
	for _, p := range there {
		if wanted[p] {
			continue
		}
		if err := m.Delete(key(p)); err != nil {
			return fmt.Errorf("scrub: taking %s out of %s: %w", p, m, err)
		}
	}
	return nil
}
