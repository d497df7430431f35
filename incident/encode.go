package incident

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Encode returns the record as JSON, in at most MaxRecord bytes. A record that has more loses
// resolution of its series, for good; if that is not enough, an open one loses the window by
// which another leader judges its last seconds, and then shops lose their series and lists their
// last entries.
func Encode(r *Record) ([]byte, error) {
	for r.leastSize() > MaxRecord && r.shrink() {
	}
	r.setWindows(r.Closed.IsZero())
	for {
		data, err := marshal(r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("encoding incident %s: %w", r.ID, err)
		case len(data) <= MaxRecord:
			r.setWindows(false)
			return data, nil
		}
		const often = 4 << 10 // each step saves less than that, so what is far too long takes some at once
		for range 1 + (len(data)-MaxRecord)/often {
			if !r.lessen() {
				return nil, fmt.Errorf("encoding incident %s: %d bytes, more than %d", r.ID, len(data), MaxRecord)
			}
		}
	}
}

// lessen makes the record shorter by what is missed least.
func (r *Record) lessen() bool {
	switch {
	case r.shrink():
	case r.hasWindows():
		r.setWindows(false)
	default:
		return r.dropSeries() || r.trim()
	}
	return true
}

// marshal keeps < and & as they are: what shows them escapes them itself.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func (r *Record) setWindows(open bool) {
	for _, s := range r.Shops {
		s.Window = nil
		if open {
			s.Window = s.judge.window()
		}
	}
}

func (r *Record) hasWindows() bool {
	for _, s := range r.Shops {
		if len(s.Window) > 0 {
			return true
		}
	}
	return false
}

// leastSize is what the series take at least: a digit and a comma for each number.
func (r *Record) leastSize() (size int) {
	for _, s := range r.Shops {
		for _, p := range []*Part{&s.Series.Fine, &s.Series.Coarse} {
			size += 2 * p.Points() * (len(p.columns()) + len(p.Stopped))
		}
	}
	return size
}

// shrink halves the resolution of the longest series.
func (r *Record) shrink() bool {
	s := r.longest()
	return s != nil && s.Series.shrink()
}

// dropSeries removes the longest series.
func (r *Record) dropSeries() bool {
	s := r.longest()
	if s == nil {
		return false
	}
	s.Series = Series{}
	r.LeftOut++
	return true
}

// longest returns the shop with the longest series, or nil if none has one.
func (r *Record) longest() (of *Shop) {
	longest := 0
	for _, s := range r.Shops {
		if n := s.Series.Fine.Points() + s.Series.Coarse.Points(); n > longest {
			longest, of = n, s
		}
	}
	return of
}

// trim removes the last entry of the longest list.
func (r *Record) trim() bool {
	most := max(len(r.Levels), len(r.People), len(r.Notes), len(r.Gaps))
	switch most {
	case 0:
		return false
	case len(r.Gaps):
		r.Gaps = r.Gaps[:most-1]
	case len(r.Levels):
		r.Levels = r.Levels[:most-1]
	case len(r.People):
		r.People = r.People[:most-1]
	default:
		r.Notes = r.Notes[:most-1]
	}
	r.LeftOut++
	return true
}

// Decode reads a record. It refuses one that breaks a bound or a rule of this package, ignores
// fields that it does not know, and removes from texts what a record must not hold.
func Decode(data []byte) (*Record, error) {
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("reading an incident: %d bytes, more than %d", len(data), MaxRecord)
	}
	var r Record
	from := json.NewDecoder(bytes.NewReader(data))
	if err := from.Decode(&r); err != nil {
		return nil, fmt.Errorf("reading an incident: %w", err)
	}
	if _, err := from.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading an incident: something follows its JSON object")
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("reading an incident: %w", err)
	}
	return &r, nil
}
