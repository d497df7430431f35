package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/theriac-edge/theriac/shop"
)

// Report is what one edge tells all edges about one second. The counters in it are those
// since the start of the process, so a report that is lost costs nothing.
type Report struct {
	Boot  uint64 // random, chosen at the start of the process: what tells edges apart
	Node  string // the edge's name, for people; at most 255 bytes
	Seq   uint64 // which second of this process it is, from 1; messages of one second share it
	Shops []ShopCounts
}

// ShopCounts are the counts of one shop.
type ShopCounts struct {
	Shop   shop.ID
	Counts Counts
}

// Bounds of one report.
const (
	MaxReport = 1 << 20 // bytes
	MaxShops  = 4096

	maxNode = 255
	maxShop = 1 + 40 + binary.MaxVarintLen64*(1+flatLen) // bytes
)

// reportVersion is the first byte. An edge skips fields that it does not know, so only what
// makes old fields unreadable needs another version.
const reportVersion = 1

// AppendReport appends the report as it travels:
//
//	version  1 byte: 1
//	boot     8 bytes, big-endian
//	seq      uvarint
//	node     1 byte: how long it is, then so many bytes
//	shops, to the end, each
//	  id     1 byte: how long it is, then so many bytes
//	  mask   uvarint: a bit for each field that is not zero
//	  fields uvarint each, in the order of their bits
//
// Fields that are nearly another one are told as the difference: what passed of what
// arrived, and what is told of answers.
func AppendReport(dst []byte, r *Report) []byte {
	dst = appendHeader(dst, reportVersion, r)
	for i := range r.Shops {
		dst = appendShop(dst, r.Shops[i].Shop, &r.Shops[i].Counts)
	}
	return dst
}

func appendHeader(dst []byte, version byte, r *Report) []byte {
	dst = append(dst, version)
	dst = binary.BigEndian.AppendUint64(dst, r.Boot)
	dst = binary.AppendUvarint(dst, r.Seq)
	return appendText(dst, r.Node[:min(len(r.Node), maxNode)])
}

func appendShop(dst []byte, id shop.ID, c *Counts) []byte {
	f := c.flat()
	f.relate(func(related, to uint64) uint64 { return zigzag(to - related) })
	mask := uint64(0)
	for i, v := range f {
		if v != 0 {
			mask |= 1 << i
		}
	}
	dst = binary.AppendUvarint(appendText(dst, string(id)), mask)
	for _, v := range f {
		if v != 0 {
			dst = binary.AppendUvarint(dst, v)
		}
	}
	return dst
}

func appendText(dst []byte, s string) []byte { return append(append(dst, byte(len(s))), s...) }

// relate replaces each field that is nearly another one, or a sum of others, by what change
// makes of the two. Those it is related to are not replaced.
func (f *flat) relate(change func(related, to uint64) uint64) {
	arrived, vouched := uint64(0), uint64(0)
	for i := range Streams {
		arrived += f[atArrived+i]
		vouched += f[atVouched+i]
		f[atThrough+i] = change(f[atThrough+i], f[atArrived+i])
	}
	f[atAnswered] = change(f[atAnswered], arrived)
	f[atServed] = change(f[atServed], vouched)
	f[atCustomers] = change(f[atCustomers], vouched)
}

// zigzag makes a small number of a small difference, also of one below zero.
func zigzag(d uint64) uint64 { return d<<1 ^ uint64(int64(d)>>63) }

func unzigzag(z uint64) uint64 { return z>>1 ^ -(z & 1) }

var errCutShort = errors.New("it is cut short")

// ParseReport reads a report. What it returns is within the bounds above.
func ParseReport(data []byte) (r Report, err error) {
	if r, err = parseReport(data); err != nil {
		return Report{}, fmt.Errorf("watch: reading the report of an edge: %w", err)
	}
	return r, nil
}

func parseReport(data []byte) (r Report, err error) {
	d, r := parseHeader(data, reportVersion, MaxReport)
	r.Shops = make([]ShopCounts, 0, min(len(data)/usualShop, MaxShops))
	for d.at < len(data) && d.err == nil {
		if len(r.Shops) == MaxShops {
			return r, fmt.Errorf("it has more than %d shops", MaxShops)
		}
		r.Shops = append(r.Shops, d.shop())
	}
	return r, d.err
}

// parseHeader reads what all messages begin with. What follows is left to the decoder.
func parseHeader(data []byte, version byte, most int) (d decoder, r Report) {
	d.data = data
	switch {
	case len(data) > most:
		d.fail(fmt.Errorf("it has %d bytes; at most %d are allowed", len(data), most))
	case len(data) > 0 && data[0] != version:
		d.fail(fmt.Errorf("it is of version %d, and this edge reads version %d: run the same release at all edges", data[0], version))
	}
	d.skip(1)
	r.Boot, r.Seq, r.Node = d.uint64(), d.uvarint(), d.text()
	if d.err == nil && r.Seq == 0 {
		d.fail(errors.New("its number is 0"))
	}
	return d, r
}

// usualShop is how many bytes a shop takes, about.
const usualShop = 48

// decoder reads one after the other, until there is an error.
type decoder struct {
	data []byte
	at   int
	err  error
}

// skip goes on after n bytes, and reports whether there are so many.
func (d *decoder) skip(n int) bool {
	if len(d.data)-d.at < n {
		d.fail(errCutShort)
		return false
	}
	d.at += n
	return true
}

func (d *decoder) uint64() uint64 {
	begin := d.at
	if !d.skip(8) {
		return 0
	}
	return binary.BigEndian.Uint64(d.data[begin:])
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data[d.at:])
	if n <= 0 {
		d.fail(errCutShort)
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) text() string {
	if d.at == len(d.data) || len(d.data)-d.at <= int(d.data[d.at]) {
		d.fail(errCutShort)
		return ""
	}
	begin := d.at + 1
	d.at = begin + int(d.data[d.at])
	return string(d.data[begin:d.at])
}

func (d *decoder) shop() (s ShopCounts) {
	id, err := shop.ParseID(d.text())
	if d.err == nil && err != nil {
		d.fail(err)
	}
	var f flat
	for mask := d.uvarint(); mask != 0 && d.err == nil; mask &= mask - 1 {
		v := d.uvarint()
		if i := bits.TrailingZeros64(mask); i < flatLen {
			f[i] = v
		}
	}
	if max(f[atWaiting], f[atDistinct]) > math.MaxUint32 {
		d.fail(errors.New("a gauge has more than 32 bits"))
	}
	f.relate(func(related, to uint64) uint64 { return to - unzigzag(related) })
	return ShopCounts{id, f.counts()}
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.at = len(d.data)
}
