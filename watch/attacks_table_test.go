//go:build !race

package watch_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// figures are those of many trials of one attack.
type figures struct {
	trials, harmed, missed, unseen           int // missed: harmed for more than ten seconds and below level 2 all the time
	detected, effective, harm, onset, levels []float64
}

func (f *figures) add(t trial) {
	f.trials++
	f.levels = append(f.levels, float64(t.top))
	if t.detected >= 0 {
		f.detected, f.onset = append(f.detected, t.detected), append(f.onset, t.onset)
	} else {
		f.unseen++
	}
	if t.borne {
		return
	}
	f.harmed++
	f.harm = append(f.harm, t.harm)
	if t.effective >= 0 {
		f.effective = append(f.effective, t.effective)
	}
	if t.detected < 0 && t.harm > 10 {
		f.missed++
	}
}

// quantile returns the value below which this part of the values is; 0 of none.
func quantile(x []float64, part float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(x))
	return s[min(len(s)-1, int(part*float64(len(s))))]
}

// tryAttacks attacks each of the shops, after it has learned for a while, several times.
func tryAttacks(kinds []attack, shops, days, each int, prepare func(*loop)) []figures {
	out := make([]figures, len(kinds))
	type result struct {
		kind int
		trial
	}
	for _, results := range sideBySide(shops, func(i int) (results []result) {
		l := newLoop(*seedFlag*1000+uint64(i), sizes()[i%300])
		r := rand.New(rand.NewPCG(*seedFlag, 5000+uint64(i)))
		switch *picturesFlag {
		case "here":
			l.pictures = 1
		case "elsewhere":
			l.pictures = 0.05
		}
		l.until(int64(days) * day)
		prepare(l)
		for _, kind := range r.Perm(len(kinds))[:min(each, len(kinds))] {
			l.until(l.now + r.Int64N(6*hour))
			results = append(results, result{kind, l.suffer(&kinds[kind])})
		}
		return results
	}) {
		for _, r := range results {
			out[r.kind].add(r.trial)
		}
	}
	return out
}

func printAttacks(w io.Writer, kinds []attack, all []figures) {
	fmt.Fprintln(w, "\n| attack | trials | hurt % | detected median / 95 % s | never level 2 % | missed | effective median / 95 % s | seconds of harm 95 % | top level | onset error s |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	for i, f := range all {
		if f.trials == 0 {
			continue
		}
		n := float64(f.trials)
		fmt.Fprintf(w, "| %s | %d | %.0f | %s | %.0f | %d | %s | %.0f | %.0f | %.0f |\n", kinds[i].name, f.trials, 100*float64(f.harmed)/n,
			two(f.detected), 100*float64(f.unseen)/n, f.missed, two(f.effective), quantile(f.harm, .95), quantile(f.levels, .95), quantile(f.onset, .5))
	}
}

// two are the median and the 95th percentile.
func two(x []float64) string {
	if len(x) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f / %.0f", quantile(x, .5), quantile(x, .95))
}

// TestAttacks: bare floods of 50 a second and more are seen within seconds. The long run
// shows all attacks: -shops 300.
func TestAttacks(t *testing.T) {
	t.Parallel()
	if *shopsFlag > 0 {
		kinds := slices.Concat(bareFloods, smallFloods, imitators, rest)
		all := tryAttacks(kinds, *shopsFlag, 35, 8, func(l *loop) {
			l.fault = fault(*without)
			edges(*edgesFlag).attach(l)
		})
		printAttacks(t.Output(), kinds, all)
		return
	}
	all := tryAttacks(bareFloods, 6, 8, len(bareFloods), func(*loop) {})
	for i, f := range all {
		if got := quantile(f.detected, .5); got > 3 || f.missed > 0 {
			t.Errorf("%s is detected after %v s in the median, %d of %d are missed", bareFloods[i].name, got, f.missed, f.trials)
		}
	}
	printAttacks(t.Output(), bareFloods, all)
}
