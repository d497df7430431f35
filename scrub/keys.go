//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// keyOf is a prefix as a map has it for a key: the bits, and the address as in a
// packet. Maps of single addresses have no bits.
func keyOf(p netip.Prefix, single bool) []byte {
	key := binary.NativeEndian.AppendUint32(nil, uint32(p.Bits()))
	if single {
		key = nil
	}
	return append(key, p.Masked().Addr().AsSlice()...)
}

// prefixOf reads such a key.
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
	single := m.Type() == ebpf.Hash
	wanted := make(map[netip.Prefix]bool)
	for _, p := range prefixes {
		wanted[p.Masked()] = true
		if err := m.Put(keyOf(p, single), uint8(1)); err != nil {
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
		if err := m.Delete(keyOf(p, single)); err != nil {
			return fmt.Errorf("scrub: taking %s out of %s: %w", p, m, err)
		}
	}
	return nil
}
