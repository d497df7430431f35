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
// which another leader judges its last seconds.
func Encode(r *Record) ([]byte, error) {
	r.setWindows(r.Closed.IsZero())
	for {
		data, err := marshal(r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("encoding incident %s: %w", r.ID, err)
		case len(data) <= MaxRecord:
			r.setWindows(false)
			return data, nil
		case r.shrink():
		case r.hasWindows():
			r.setWindows(false)
		default:
			return nil, fmt.Errorf("encoding incident %s: %d bytes, more than %d", r.ID, len(data), MaxRecord)
		}
	}
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

// shrink halves the resolution of the longest series.
func (r *Record) shrink() bool {
	longest := 0
	var of *Shop
	for _, s := range r.Shops {
		if n := s.Series.Fine.Points() + s.Series.Coarse.Points(); n > longest {
			longest, of = n, s
		}
	}
	return of != nil && of.Series.shrink()
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
