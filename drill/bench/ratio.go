package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Budget bounds a ratio, in the notation of the output: an upper bound
// ("1.05"), both bounds ("0.97..1.02"), a lower bound ("7.."), or none ("-") for
// what is reported and not promised.
type Budget string

const noBudget Budget = "-"

// bounds parses a budget.
func (b Budget) bounds() (least, most float64, err error) {
	if b == noBudget {
		return math.Inf(-1), math.Inf(1), nil
	}
	from, to, both := strings.Cut(string(b), "..")
	switch {
	case !both:
		from, to = "-Inf", from
	case to == "":
		to = "+Inf"
	}
	if least, err = strconv.ParseFloat(from, 64); err == nil {
		most, err = strconv.ParseFloat(to, 64)
	}
	if err != nil || least > most {
		return 0, 0, fmt.Errorf("invalid budget %q: want a number or least..most", string(b))
	}
	return least, most, nil
}

// holds reports whether the ratio, as it is printed, is within the budget. A
// ratio that is not a number never is.
func (b Budget) holds(ratio float64) bool {
	least, most, err := b.bounds()
	ratio = rounded(ratio)
	return err == nil && ratio >= least && ratio <= most
}

// digits is how many decimals of a ratio are significant.
func digits(ratio float64) int {
	switch a := math.Abs(ratio); {
	case a == math.Trunc(a) || a >= 100:
		return 0
	case a >= 10:
		return 1
	default:
		return 3
	}
}

func rounded(ratio float64) float64 {
	unit := math.Pow10(digits(ratio))
	return math.Round(ratio*unit) / unit
}

// number formats a ratio.
func number(ratio float64) string {
	return strconv.FormatFloat(ratio, 'f', digits(ratio), 64)
}

// spread is the range of the rounds of one bench.
type spread struct{ least, median, most float64 }

// spreadOf summarizes rounds. The median counts, not the mean: one round in which
// the machine did something else must not move it.
func spreadOf(rounds []float64) spread {
	if len(rounds) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	s := slices.Sorted(slices.Values(rounds))
	mid := s[len(s)/2]
	if len(s)%2 == 0 {
		mid = (s[len(s)/2-1] + mid) / 2
	}
	return spread{s[0], mid, s[len(s)-1]}
}

func (s spread) String() string {
	return fmt.Sprintf("median %.3f, rounds %.3f..%.3f", s.median, s.least, s.most)
}
