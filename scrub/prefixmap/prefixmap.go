// Package prefixmap reads and writes BPF maps whose keys are address prefixes:
// LPM tries and hash tables of prefixes, and hash tables of single addresses.
//
// A key is in the byte order of a packet, so that a program compares it with
// what it reads from one. An error names the map and the prefix; a change that
// fails halfway leaves the rest of the map as it was.
package prefixmap

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// Key is the key of a prefix in a trie or a hash table: its length in bits as
// 32-bit number of the machine, and its address.
func Key(p netip.Prefix) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(p.Bits())), addressKey(p)...)
}

// addressKey is the same for a map of single addresses.
func addressKey(p netip.Prefix) []byte { return p.Masked().Addr().AsSlice() }

// prefixOf reads a key of either kind.
func prefixOf(key []byte) netip.Prefix {
	bits := len(key) * 8
	if len(key) == 8 || len(key) == 20 {
		bits = int(binary.NativeEndian.Uint32(key))
		key = key[4:]
	}
	addr, _ := netip.AddrFromSlice(key)
	return netip.PrefixFrom(addr, bits)
}

// List lists the prefixes of a map.
func List(m *ebpf.Map) (prefixes []netip.Prefix, err error) {
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

// Replace makes a map with values of one byte hold these prefixes and no
// others. It adds before it deletes, so that a prefix that stays is there at
// any time.
func Replace(m *ebpf.Map, prefixes []netip.Prefix) error {
	key := Key
	if m.KeySize() == 4 || m.KeySize() == 16 {
		key = addressKey
	}
	wanted := make(map[netip.Prefix]bool)
	for _, p := range prefixes {
		wanted[p.Masked()] = true
		if err := m.Put(key(p), uint8(1)); err != nil {
			return fmt.Errorf("scrub: adding %s to %s: %w", p, m, err)
		}
	}
	present, err := List(m)
	if err != nil {
		return err
	}
	for _, p := range present {
		if wanted[p] {
			continue
		}
		if err := m.Delete(key(p)); err != nil {
			return fmt.Errorf("scrub: deleting %s from %s: %w", p, m, err)
		}
	}
	return nil
}
