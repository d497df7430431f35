package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// TierCounts is what one edge has counted of the vectors that belong to no shop: packets,
// connections and handshakes. The counters only grow, from the start of the process.
type TierCounts struct {
	Stopped [Vectors][Controls]uint64
	Passed  [Vectors][Controls]uint64 // seen by a control that only watches: scrubd's mode monitor, the gate's shadow
}

// TierReport is what one edge tells all edges about one second, as a Report does of shops. It
// has all counters that are not zero, so a report that is lost costs nothing.
type TierReport struct {
	Boot uint64 // random, chosen at the start of the process
	Node string // the edge's name, for people; at most 255 bytes
	Seq  uint64 // from 1

	// Which dataplane of scrubd the packets were counted by; zero: by none. Of several
	// edges above the same one, one's counts are taken.
	Scrubber uint64

	Counts TierCounts
}

// MaxTierReport is how many bytes a report of the tier can have.
const MaxTierReport = 1 + 8 + binary.MaxVarintLen64 + 1 + maxNode + 8 + tierLen*(2+binary.MaxVarintLen64)

const tierVersion = 1

// tierRow is TierCounts as one row. What travels is not its index, but tierKey.
type tierRow [tierLen]uint64

const tierLen = Vectors * Controls * 2

func tierAt(v Vector, c Control, passed int) int {
	return (int(v)*Controls+int(c))*2 + passed
}

// Keys of counters: a vector and a control have their numbers, so that what is new goes to
// the end of their lists. There is room for eight controls and 256 vectors.
func tierKey(at int) uint64 {
	return uint64(at/2/Controls)<<4 | uint64(at/2%Controls)<<1 | uint64(at&1)
}

var (
	_ = [1]struct{}{}[Vectors-22]
	_ = [1]struct{}{}[Controls-6]
)

func (c *TierCounts) row() (r tierRow) {
	for v := range c.Stopped {
		for by := range c.Stopped[v] {
			r[tierAt(Vector(v), Control(by), 0)] = c.Stopped[v][by]
			r[tierAt(Vector(v), Control(by), 1)] = c.Passed[v][by]
		}
	}
	return r
}

func (r *tierRow) counts() (c TierCounts) {
	for v := range c.Stopped {
		for by := range c.Stopped[v] {
			c.Stopped[v][by] = r[tierAt(Vector(v), Control(by), 0)]
			c.Passed[v][by] = r[tierAt(Vector(v), Control(by), 1)]
		}
	}
	return c
}

// AppendTierReport appends the report as it travels:
//
//	version   1 byte: 1
//	boot      8 bytes, big-endian
//	seq       uvarint
//	node      1 byte: how long it is, then so many bytes
//	scrubber  8 bytes, big-endian
//	counters  that are not zero, to the end, by rising key, each
//	  key     uvarint: 16 × vector + 2 × control, + 1 for what passed
//	  value   uvarint
func AppendTierReport(dst []byte, r *TierReport) []byte {
	dst = appendHeader(dst, tierVersion, &Report{Boot: r.Boot, Node: r.Node, Seq: r.Seq})
	dst = binary.BigEndian.AppendUint64(dst, r.Scrubber)
	for at, n := range r.Counts.row() {
		if n != 0 {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, tierKey(at)), n)
		}
	}
	return dst
}

// ParseTierReport reads a report of the tier. Counters that it does not know are left out: they
// are of a newer edge.
func ParseTierReport(data []byte) (r TierReport, err error) {
	d, header := parseHeader(data, tierVersion, MaxTierReport)
	r.Boot, r.Node, r.Seq = header.Boot, header.Node, header.Seq
	r.Scrubber = d.uint64()
	row := d.tierRow()
	if d.err != nil {
		return TierReport{}, fmt.Errorf("watch: reading an edge's report of the tier: %w", d.err)
	}
	r.Counts = row.counts()
	return r, nil
}

func (d *decoder) tierRow() (row tierRow) {
	least := uint64(0)
	for d.at < len(d.data) && d.err == nil {
		key, n := d.uvarint(), d.uvarint()
		if key < least {
			d.fail(errors.New("its counters are not in order"))
		}
		least = key + 1
		v, by := key>>4, key>>1&7
		if d.err == nil && v < uint64(Vectors) && by < uint64(Controls) {
			row[tierAt(Vector(v), Control(by), int(key&1))] = n
		}
	}
	return row
}
