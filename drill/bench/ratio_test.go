package bench

import (
	"math"
	"testing"
)

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		budget Budget
		ratio  float64
		want   bool
	}{
		{"1.05", 1.05, true},
		{"1.05", 1.0504, true}, // printed as 1.050
		{"1.05", 1.051, false},
		{"1.05", -3, true},
		{"0", 0, true},
		{"0", 1, false},
		{"200", 199.9, true},
		{"200", 201, false},
		{"0.97..1.02", 0.97, true},
		{"0.97..1.02", 1.02, true},
		{"0.97..1.02", 0.969, false},
		{"7..", 7, true},
		{"7..", 6.9, false},
		{"0.97..1.02", 1.021, false},
		{"1.05", math.NaN(), false},
		{"0.97..1.02", math.NaN(), false},
		{"1.05", math.Inf(1), false},
		{noBudget, 47.11, true},
		{noBudget, math.NaN(), false},
		{"cheap", 0, false},
	} {
		if got := c.budget.holds(c.ratio); got != c.want {
			t.Errorf("budget %s holds %v: got %v, want %v", c.budget, c.ratio, got, c.want)
		}
	}
}

func TestBudgetsOfBenches(t *testing.T) {
	names := make(map[string]bool)
	for _, b := range All {
		if _, _, err := b.Budget.bounds(); err != nil {
			t.Errorf("bench %s: %v", b.Name, err)
		}
		if b.Run == nil || b.About == "" || names[b.Name] {
			t.Errorf("bench %q has no Run, no About or a duplicate name", b.Name)
		}
		names[b.Name] = true
	}
}

func TestNumber(t *testing.T) {
	for ratio, want := range map[float64]string{
		0: "0", 1: "1", 0.9312: "0.931", 1.0031: "1.003", 1.0504: "1.050", 7.4: "7.400", 10: "10",
		85.31: "85.3", 199.9: "200", 201: "201", 4711.5: "4712", math.Inf(1): "+Inf",
	} {
		if got := number(ratio); got != want {
			t.Errorf("number(%v) = %q, want %q", ratio, got, want)
		}
	}
	if got := number(math.NaN()); got != "NaN" {
		t.Errorf("number(NaN) = %q", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		about  string
		rounds []float64
		want   spread
	}{
		{"one round", []float64{1.1}, spread{1.1, 1.1, 1.1}},
		{"an odd number of rounds", []float64{1.2, 0.9, 1}, spread{0.9, 1, 1.2}},
		{"an even number of rounds", []float64{1.2, 0.8, 1, 1.1}, spread{0.8, 1.05, 1.2}},
		{"one round in which the machine did something else", []float64{1, 1, 9, 1, 1}, spread{1, 1, 9}},
	} {
		if got := spreadOf(c.rounds); got != c.want {
			t.Errorf("%s: spreadOf(%v) = %v, want %v", c.about, c.rounds, got, c.want)
		}
	}
	if got := spreadOf(nil).median; !math.IsNaN(got) {
		t.Errorf("the median of no rounds is %v; nothing measured must never be within a budget", got)
	}
}

func TestScheduleIsFair(t *testing.T) {
	// Neither a steady nor an accelerating drift of the machine favours a side.
	for sides := 2; sides <= 3; sides++ {
		for power := range 3 {
			sums := make([]float64, sides)
			for turn, side := range schedule(sides) {
				sums[side] += math.Pow(float64(turn), float64(power))
			}
			for side, sum := range sums {
				if sum != sums[0] {
					t.Errorf("a drift that grows with the power %d weighs %v on side 0 of %d and %v on side %d", power, sums[0], sides, sum, side)
				}
			}
		}
	}
}
