package sieve

import (
	"maps"
	"slices"
	"testing"
)

// FuzzSound puts a text into a request of each kind, in the place of one of its values.
func FuzzSound(f *testing.F) {
	p := pairOf(f).at(f, 4)
	requests := wire(2, 2)
	names := slices.Sorted(maps.Keys(requests))
	for i := range 4 {
		f.Add(odd[20*i]+" union select", uint8(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, request, at uint8) {
		if len(text) > 1000 {
			return
		}
		name := names[int(request)%len(names)]
		s := read(name, []byte(requests[name]))
		s.table.Values[int(at)%len(s.table.Values)].Text = text
		n := &tally{open: make(map[int]int)}
		p.compare(n, name, s.Request, s.table, same)
		for _, missed := range n.missed {
			t.Error(missed)
		}
	})
}
