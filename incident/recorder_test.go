package incident

import (
	"testing"
	"time"
)

func TestFlood(t *testing.T) {
	r := newWorld(t, flood).run(0, 1100).one()
	v := r.Shops[0].Vectors[0]
	for what, times := range map[string][2]time.Time{
		"onset": {v.Onset, at(127)}, "detected": {v.Detected, at(128)}, "acted": {v.Acted, at(129)},
		"effective": {v.Effective, at(133)}, "last sign": {v.LastHeat, at(700)}, "over": {v.Over, at(700)}, "closed": {r.Closed, at(1000)},
	} {
		if got, want := times[0], times[1]; !got.Equal(want) {
			t.Errorf("%s is at second %v, want %v", what, got.Sub(noon).Seconds(), want.Sub(noon).Seconds())
		}
	}
}
