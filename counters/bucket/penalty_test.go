package bucket

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

func TestPenalty(t *testing.T) {
	// One token a second, three at once; three ignored refusals cost ten seconds.
	lim := &Limit{Interval: time.Second, Burst: 3, Patience: 3, Penalty: 10 * time.Second}
	type step struct {
		at, take  int // at which second, how many takes
		penalized bool
		wait      int // in seconds, after the last take; 0: it was allowed
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"the third ignored refusal is penalized", []step{{0, 5, false, 1}, {0, 1, true, 10}}},
		{"inside it the wait is the rest of it", []step{{0, 6, true, 10}, {4, 1, true, 6}}},
		{"two reloads inside it are forgiven", []step{{0, 6, true, 10}, {4, 2, true, 6}, {10, 3, false, 0}, {10, 2, false, 1}}},
		{"as many as before earn the double", []step{{0, 6, true, 10}, {4, 3, true, 6}, {10, 1, true, 20}}},
		{"a client that stops is free", []step{{0, 6, true, 10}, {4, 99, true, 6}, {60, 3, false, 0}, {60, 2, false, 1}, {60, 1, true, 10}}},
		{"the doubling ends at eight times", []step{
			{0, 6, true, 10},
			{1, 9, true, 9},
			{10, 1, true, 20},
			{11, 9, true, 19},
			{30, 1, true, 40},
			{31, 9, true, 39},
			{70, 1, true, 80},
			{71, 9, true, 79},
			{150, 1, true, 80},
		}},
		{"a row is not ended by single tokens", []step{{0, 5, false, 1}, {1, 1, false, 0}, {1, 1, true, 10}}},
		{"a row ends when the bucket is full", []step{{0, 5, false, 1}, {3, 3, false, 0}, {3, 2, false, 1}, {3, 1, true, 10}}},
		{"the second penalty of a row is the double", []step{{0, 6, true, 10}, {10, 5, false, 1}, {10, 1, true, 20}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, start := NewLocal(1<<20), time.Unix(1_000_000_000, 0)
			for i, s := range test.steps {
				var d Decision
				for range s.take {
					d = m.Take(sample.Key(test.name), lim, start.Add(time.Duration(s.at)*time.Second))
				}
				if d.Penalized != s.penalized || d.Wait != time.Duration(s.wait)*time.Second {
					t.Errorf("step %d: got %+v, want a wait of %d s, penalized %t", i, d, s.wait, s.penalized)
				}
				if begins := s.penalized && s.wait%10 == 0; d.Began != begins { // all penalties here are whole tens
					t.Errorf("step %d: got %+v, want that a penalty begins: %t", i, d, begins)
				}
			}
		})
	}
}
