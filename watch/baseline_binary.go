package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A baseline is stored as a version, the scalars, the weeks of each hour, and the rates of those
// hours that were learned, each number packed.
const (
	binaryVersion = 1
	binaryScalars = 2*Streams + 9
	binaryHead    = 1 + 2 + 2*binaryScalars + hours
	binaryHour    = 2 * 2 * Streams
)

var errBaseline = errors.New("not a stored baseline")

// MarshalBinary returns what was learned; the hour that has begun is not in it.
func (b *Baseline) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, binaryHead+hours*binaryHour)
	out = append(out, binaryVersion)
	out = binary.BigEndian.AppendUint16(out, uint16(min(b.learned, math.MaxUint16)))
	for _, x := range b.scalars() {
		out = binary.BigEndian.AppendUint16(out, uint16(pack(*x)))
	}
	out = append(out, b.weeks[:]...)
	for h, n := range b.weeks {
		for j := 0; n > 0 && j < Streams; j++ {
			out = binary.BigEndian.AppendUint16(out, uint16(b.strangers[j][h]))
			out = binary.BigEndian.AppendUint16(out, uint16(b.through[j][h]))
		}
	}
	return out, nil
}

// UnmarshalBinary replaces what was learned. The prior stays, and so does the hour that has begun.
func (b *Baseline) UnmarshalBinary(in []byte) error {
	if len(in) < binaryHead {
		return fmt.Errorf("reading a baseline: %w: %d bytes, want at least %d", errBaseline, len(in), binaryHead)
	}
	if in[0] != binaryVersion {
		return fmt.Errorf("reading a baseline: %w of version %d: this edge reads version %d", errBaseline, in[0], binaryVersion)
	}
	weeks, rates := in[binaryHead-hours:binaryHead], in[binaryHead:]
	known := 0
	for _, n := range weeks {
		if n > 0 {
			known++
		}
	}
	if len(rates) != known*binaryHour {
		return fmt.Errorf("reading a baseline: %w: %d hours need %d bytes, not %d", errBaseline, known, known*binaryHour, len(rates))
	}
	b.learned = int32(binary.BigEndian.Uint16(in[1:]))
	for i, x := range b.scalars() {
		*x = readPacked(in[3+2*i:]).rate()
	}
	copy(b.weeks[:], weeks)
	for h, n := range b.weeks {
		for j := 0; n > 0 && j < Streams; j++ {
			b.strangers[j][h], b.through[j][h] = readPacked(rates), readPacked(rates[2:])
			rates = rates[4:]
		}
	}
	return nil
}

// scalars are the numbers that are not of one hour.
func (b *Baseline) scalars() (s [binaryScalars]*float64) {
	for j := range Streams {
		s[2*j], s[2*j+1] = &b.levelStrangers[j], &b.levelThrough[j]
	}
	copy(s[2*Streams:], []*float64{&b.assets, &b.dynamic, &b.carts, &b.orders, &b.waiting, &b.borne, &b.held, &b.bad, &b.crowded})
	return s
}

// packed is the logarithm of a rate in 16 bits, 0 for none: whatever the bits are, they are a
// number within bounds, and exact to 0.03 %.
type packed uint16

// The range of packed numbers, besides 0.
const (
	leastPacked = 1e-7
	mostPacked  = 1e9
)

var packStep = math.Log(mostPacked/leastPacked) / (math.MaxUint16 - 1)

func pack(x float64) packed {
	if !(x >= leastPacked) { // NaN as well
		return 0
	}
	return 1 + packed(math.Round(math.Log(min(x, mostPacked)/leastPacked)/packStep))
}

func (p packed) rate() float64 {
	if p == 0 {
		return 0
	}
	return leastPacked * math.Exp(float64(p-1)*packStep)
}

func readPacked(in []byte) packed { return packed(binary.BigEndian.Uint16(in)) }
