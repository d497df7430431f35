//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// table is the hash table of one family of a list. The program searches it once per
// prefix length that occurs, so it has to know these.
type table struct {
	m       *ebpf.Map
	lengths *ebpf.Map
	at      kernelList // in lengths
	count   [129]int   // prefixes by length
}

// put writes an entry. The length of a new one is written first.
func (t *table) put(p netip.Prefix, value kernelListed, fresh bool) error {
	if fresh {
		if err := t.add(p, 1); err != nil {
			return err
		}
	}
	if err := t.m.Put(prefixmap.Key(p), value); err != nil {
		if fresh {
			err = errors.Join(err, t.add(p, -1))
		}
		return fmt.Errorf("scrub: listing %s: %w", p, err)
	}
	return nil
}

// delete removes an entry.
func (t *table) delete(p netip.Prefix) error {
	if err := t.m.Delete(prefixmap.Key(p)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("scrub: removing %s from the list: %w", p, err)
	}
	return t.add(p, -1)
}

// add counts a prefix of this length that was added (n is 1) or removed (-1).
func (t *table) add(p netip.Prefix, n int) error {
	was := t.count[p.Bits()]
	t.count[p.Bits()] += n
	if (was == 0) == (was+n == 0) {
		return nil
	}
	if err := t.writeLengths(); err != nil {
		t.count[p.Bits()] = was
		return err
	}
	return nil
}

// writeLengths writes the lengths that occur. A packet that arrives meanwhile may see
// some of the old and some of the new ones, which lasts for a packet or two.
func (t *table) writeLengths() error {
	var value kernelLengths
	for bits := len(t.count) - 1; bits >= 0; bits-- {
		if t.count[bits] == 0 {
			continue
		}
		of := &value.Of[value.Count]
		of.Bits = uint32(bits)
		for i, b := range net.CIDRMask(bits, 128) {
			of.Mask[i/4] |= uint32(b) << (i % 4 * 8) // in network order
		}
		value.Count++
	}
	if err := t.lengths.Put(uint32(t.at), value); err != nil {
		return fmt.Errorf("scrub: writing the prefix lengths of a list: %w", err)
	}
	return nil
}
