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

// table holds the prefixes of a list that are of one family. The program asks it
// for each length that some prefix has, and so must know these.
type table struct {
	m       *ebpf.Map
	lengths *ebpf.Map
	at      kernelList // in lengths
	count   [129]int   // prefixes by length
}

// put writes an entry. A new one makes its length known first.
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

// delete takes an entry off that was put.
func (t *table) delete(p netip.Prefix) error {
	if err := t.m.Delete(prefixmap.Key(p)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("scrub: taking %s off the list: %w", p, err)
	}
	return t.add(p, -1)
}

// add counts a prefix more or less of its length.
func (t *table) add(p netip.Prefix, n int) error {
	was := t.count[p.Bits()]
	t.count[p.Bits()] += n
	if (was == 0) == (was+n == 0) {
		return nil
	}
	if err := t.tell(); err != nil {
		t.count[p.Bits()] = was
		return err
	}
	return nil
}

// tell tells the program which lengths there are. A packet that comes just then
// may meet some of the old and some of the new: it is one, and there are few
// lengths.
func (t *table) tell() error {
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
		return fmt.Errorf("scrub: writing the lengths of listed prefixes: %w", err)
	}
	return nil
}
