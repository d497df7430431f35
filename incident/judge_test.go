package incident

import (
	"math/rand/v2"
	"testing"
	"time"
)

// effectiveOf finds the second by the words of the definition, with all seconds at hand: the
// first window since the onset, or since customers first fell, in which they are served well.
func effectiveOf(ticks []tick, onset, last int) (effective int, judged bool) {
	effective = -1
	fell := false
	for s := onset; s < len(ticks); s++ {
		good, known := windowAt(ticks, s)
		if !known {
			continue
		}
		judged = true
		switch {
		case good && effective < 0:
			effective = s
		case !good && !fell && s <= last:
			fell, effective = true, -1
		}
	}
	return effective, judged
}

func windowAt(ticks []tick, s int) (good, known bool) {
	for n := minWindow; n <= maxWindow && s+n <= len(ticks); n++ {
		var customers, served int64
		expected, sick := 0.0, false
		for _, t := range ticks[s : s+n] {
			customers, served, expected, sick = customers+t.customers, served+t.served, expected+t.expected, t.sick
		}
		if customers >= minCustomers {
			return !sick && float64(served) >= WellServed*float64(customers) && !(expected >= minExpected && float64(customers) < minArrived*expected), true
		}
		if n == maxWindow && expected >= minExpected {
			return false, true
		}
	}
	return false, false
}

// TestEffective compares with the definition, over attacks of all kinds.
func TestEffective(t *testing.T) {
	measurable, never, zero := 0, 0, 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		rate := []float64{0.01, 0.1, 0.3, 1, 5, 40}[rng.IntN(6)]
		last := 40 + rng.IntN(200)
		hurts, heals := rng.IntN(60), 20+rng.IntN(200)
		var j judge
		v := &Vector{Onset: at(0), LastHeat: at(0)}
		var ticks []tick
		for second := range last + 300 {
			k := tick{expected: rate}
			for range 10 {
				k.customers += int64(rate/10 + rng.Float64())
			}
			k.served = k.customers
			if second >= hurts && second < heals {
				k.served = int64(float64(k.customers) * rng.Float64())
				k.sick = rng.IntN(10) == 0
			}
			if second <= last {
				v.LastHeat = at(second)
			}
			ticks = append(ticks, k)
			j.add(at(second), k)
			v.pass(&k)
			for {
				s, w, ok := j.decide()
				if !ok {
					break
				}
				j.tell(v, s, w)
			}
		}
		want, judged := effectiveOf(ticks, 0, last)
		got := -1
		if !v.Effective.IsZero() {
			got = int(v.Effective.Sub(noon) / time.Second)
		}
		if got != want || (v.Judged > 0) != judged {
			t.Errorf("seed %d: effective at %d, want %d; judged %d times, want some: %v", seed, got, want, v.Judged, judged)
		}
		var after, served int64
		for s := want; want >= 0 && s < len(ticks); s++ {
			after, served = after+ticks[s].customers, served+ticks[s].served
		}
		if v.CustomersAfter != after || v.ServedAfter != served {
			t.Errorf("seed %d: %d of %d were served well since, want %d of %d", seed, v.ServedAfter, v.CustomersAfter, served, after)
		}
		switch {
		case !judged:
			never++
		case want == 0:
			zero++
		default:
			measurable++
		}
	}
	if measurable < 50 || never < 15 || zero < 5 {
		t.Errorf("%d cases with a time, %d with none, %d with zero: too few of a kind to say anything", measurable, never, zero)
	}
}

// TestZeroOnlyWithoutHarm: a time to mitigate of zero says that no window of the attack was bad.
func TestZeroOnlyWithoutHarm(t *testing.T) {
	for second := range 120 {
		w := wave{shop: "loewen", from: 10, to: 100, detected: 11, rate: 200, hurts: 10 + second, heals: 18 + second, level: 2, customers: 4}
		v := newWorld(t, w).run(0, 500).one().Shops[0].Vectors[0]
		fell := w.hurts <= w.to+minWindow-1 // a window that begins while the attack goes on
		if zero := v.Effective.Equal(v.Onset); zero == fell {
			t.Errorf("harm %d s after the onset: time to mitigate is zero: %v", second, zero)
		}
	}
}

// TestJudgeIsBounded: it forgets, and its verdicts do not change by that.
func TestJudgeIsBounded(t *testing.T) {
	var j judge
	for second := range 10 * maxPast {
		j.add(at(second), tick{customers: 1, served: 1})
		for {
			s, w, ok := j.decide()
			if !ok {
				break
			}
			if w != well || !s.Equal(at(second-minWindow+1)) {
				t.Fatalf("second %d: verdict %v on %v", second, w, s)
			}
		}
		if len(j.ticks) > 2*maxPast {
			t.Fatalf("%d ticks", len(j.ticks))
		}
	}
}
