package tally

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// addMany adds clients of a turn, each of them twice.
func (d *distinct) addMany(from, to uint64, turn int64) {
	for range 2 {
		for n := from; n < to; n++ {
			key := client(n)
			d.add(&key, turn)
		}
	}
}

// TestDistinctIsNear: within four standard errors of linear counting.
func TestDistinctIsNear(t *testing.T) {
	for _, n := range []uint64{0, 1, 6, 20, 100, 1000, 5000, 10000} {
		var d distinct
		d.addMany(0, n, 0)
		load := float64(n) / size
		most := 1 + 4*math.Sqrt(size*(math.Exp(load)-load-1))
		if got := float64(d.estimate(0)); math.Abs(got-float64(n)) > most {
			t.Errorf("%d clients are estimated as %v, want within %.0f", n, got, most)
		}
	}
	var d distinct
	d.addMany(0, 200_000, 0)
	if got := d.estimate(0); got < 30_000 {
		t.Errorf("200,000 clients are estimated as %d, want the bound of 34,000", got)
	}
}

// TestTurns: a client counts for its ten seconds and the next ten.
func TestTurns(t *testing.T) {
	var d distinct
	d.addMany(0, 100, 0)
	d.addMany(100, 110, 1)
	for turn, want := range map[int64]uint32{0: 100, 1: 100, 2: 10, 3: 0, 7: 0} {
		if got := d.estimate(turn); got+3 < want || got > want+3 {
			t.Errorf("in turn %d: %d, want %d", turn, got, want)
		}
	}
	d.addMany(0, 50, 2) // takes the place of turn 0
	d.addMany(50, 90, 0)
	if got := d.estimate(2); got > 53 {
		t.Errorf("%d clients of a turn that is over are counted in a later one", got-50)
	}
	d.addMany(0, 5, 9) // after a pause
	if got := d.estimate(9); got < 4 || got > 6 {
		t.Errorf("after a pause: %d, want 5", got)
	}
}

// TestMidnight: the keys of all clients change, and none counts twice for longer than two turns.
func TestMidnight(t *testing.T) {
	tally := New(noon)
	for n := range uint64(100) {
		before, after := client(n), client(n+1000)
		tally.strangers.add(&before, tally.turn(noon))
		tally.strangers.add(&after, tally.turn(noon))
	}
	for later, want := range map[time.Duration]uint32{0: 200, 20 * time.Second: 0} {
		if got := tally.strangers.estimate(tally.turn(noon.Add(later))); got+10 < want || got > want+10 {
			t.Errorf("%s after midnight: %d, want %d", later, got, want)
		}
	}
}

// TestClockIsSetBack: a request before the tally began is one of its first ten seconds.
func TestClockIsSetBack(t *testing.T) {
	tally, key := New(noon), client(1)
	tally.strangers.add(&key, tally.turn(noon.Add(-5*time.Second)))
	if got := tally.strangers.estimate(0); got != 1 {
		t.Errorf("%d clients, want 1", got)
	}
	tally.strangers.add(&key, tally.turn(noon.Add(-time.Hour))) // is left out
}

// TestManyAddWhileTurnsChange: no client of the present turn is lost, whoever begins it.
func TestManyAddWhileTurnsChange(t *testing.T) {
	const workers, each = 8, 50
	for turn := range int64(200) {
		var d distinct
		d.addMany(10_000, 12_000, turn) // to be cleared
		var work sync.WaitGroup
		for w := range uint64(workers) {
			work.Go(func() {
				for n := range uint64(each) {
					key := client(w*each + n)
					d.add(&key, turn+2)
				}
			})
		}
		work.Wait()
		var alone distinct
		for n := range uint64(workers * each) {
			key := client(n)
			alone.add(&key, turn+2)
		}
		if got, want := d.estimate(turn+2), alone.estimate(turn+2); got != want {
			t.Fatalf("turn %d: %d clients, want %d", turn, got, want)
		}
	}
}

// TestAddressless: clients whose address cannot be read are one.
func TestAddressless(t *testing.T) {
	var d distinct
	for range 100 {
		d.add(new(netkey.Key), 0)
	}
	if got := d.estimate(0); got != 1 {
		t.Errorf("%d clients, want 1", got)
	}
}
