package tally

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// addMany adds clients, each of them twice.
func (d *distinct) addMany(from, to uint64) {
	for range 2 {
		for n := from; n < to; n++ {
			key := client(n)
			d.add(&key)
		}
	}
}

// TestDistinctIsNear: within four standard errors of linear counting.
func TestDistinctIsNear(t *testing.T) {
	for _, n := range []uint64{0, 1, 6, 20, 100, 1000, 5000, 10000} {
		var d distinct
		d.addMany(0, n)
		load := float64(n) / size
		most := 1 + 4*math.Sqrt(size*(math.Exp(load)-load-1))
		if got := float64(d.estimate(0)); math.Abs(got-float64(n)) > most {
			t.Errorf("%d clients are estimated as %v, want within %.0f", n, got, most)
		}
	}
	var d distinct
	d.addMany(0, 200_000)
	if got := d.estimate(0); got < 30_000 {
		t.Errorf("200,000 clients are estimated as %d, want the bound of 34,000", got)
	}
}

// TestTurns: a client counts for its ten seconds and the next ten.
func TestTurns(t *testing.T) {
	var d distinct
	for _, step := range []struct {
		turn      int64
		want      uint32 // before the next ones come
		from, add uint64
	}{
		{0, 0, 0, 100},
		{0, 100, 0, 0},
		{1, 100, 100, 10},
		{1, 100, 0, 0},
		{2, 10, 0, 50},
		{1, 50, 0, 0}, // the clock was set back: the turn goes on
		{3, 50, 0, 0},
		{4, 0, 0, 5},
		{9, 0, 20, 7}, // nobody has asked meanwhile
		{9, 7, 0, 0},
	} {
		if got := d.estimate(step.turn); got+3 < step.want || got > step.want+3 {
			t.Errorf("turn %d: %d clients, want %d", step.turn, got, step.want)
		}
		d.addMany(step.from, step.from+step.add)
	}
}

// TestMidnight: the keys of all clients change, and none counts twice for longer than two turns.
func TestMidnight(t *testing.T) {
	tally := New(noon)
	for n := range uint64(100) {
		before, after := client(n), client(n+1000)
		tally.strangers.add(&before)
		tally.strangers.add(&after)
	}
	for _, step := range []struct {
		later time.Duration
		want  uint32
	}{{0, 200}, {10 * time.Second, 200}, {20 * time.Second, 0}} {
		if got := tally.Counts(noon.Add(step.later)).Distinct; got+10 < step.want || got > step.want+10 {
			t.Errorf("%s after midnight: %d, want %d", step.later, got, step.want)
		}
	}
}

// TestManyAddWhileTurnsChange: no client is lost, whenever the turn changes.
func TestManyAddWhileTurnsChange(t *testing.T) {
	const workers, each = 8, 50
	for range 200 {
		var d distinct
		d.addMany(10_000, 12_000) // to be cleared
		d.estimate(1)
		var work sync.WaitGroup
		for w := range uint64(workers) {
			work.Go(func() {
				for n := range uint64(each) {
					key := client(w*each + n)
					d.add(&key)
				}
			})
		}
		d.estimate(2)
		work.Wait()
		var alone distinct
		alone.addMany(0, workers*each)
		for i := range d.sets[0] { // some came in the turn before
			d.sets[0][i].Or(d.sets[1][i].Load())
		}
		if got, want := d.sets[0].estimate(), alone.estimate(0); got != want {
			t.Fatalf("%d clients, want %d", got, want)
		}
	}
}

// TestAddressless: clients whose address cannot be read are one.
func TestAddressless(t *testing.T) {
	var d distinct
	for range 100 {
		d.add(new(netkey.Key))
	}
	if got := d.estimate(0); got != 1 {
		t.Errorf("%d clients, want 1", got)
	}
}
