package watch

import (
	"testing"
	"time"
)

// seconds has the rule see so many packets of a vector in each second, all stopped, and returns in
// which of them it is an attack, and what the first sight of it says.
func seconds(r *TierRule, from int, vector Vector, arrived []int, stopped bool) (attacked []int, first TierSight) {
	for i, n := range arrived {
		s := TierSecond{}
		s.Arrived[vector] = n
		if stopped {
			s.Stopped[vector][ByScrub] = n
		}
		sights := r.Step(epoch.Add(time.Duration(from+i)*time.Second), &s)
		if len(sights) > 0 && !r.Hot() || n == 0 && r[vector].sum == 0 && r.Hot() {
			panic("hot without a sign, or the other way round")
		}
		for _, sight := range sights {
			if len(attacked) == 0 {
				first = sight
			}
			if sight.Vector != vector || sight.Arrived != n || sight.Stopped != s.Stopped[vector] {
				panic("another vector")
			}
			attacked = append(attacked, from+i)
		}
	}
	return attacked, first
}

func repeat(n, times int) (all []int) {
	for range times {
		all = append(all, n)
	}
	return all
}

func join(parts ...[]int) (all []int) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestTierRule(t *testing.T) {
	for name, c := range map[string]struct {
		arrived []int
		passed  bool
		attack  [2]int // the first second and the last; 0: none
		onset   int
		before  int
	}{
		"quiet":                  {arrived: repeat(0, 100)},
		"noise":                  {arrived: repeat(90, 1000)},
		"a short burst of noise": {arrived: join(repeat(10, 10), []int{140}, repeat(10, 10))},
		"a flood":                {arrived: join(repeat(0, 10), repeat(100_000, 20), repeat(0, 20)), attack: [2]int{10, 29}, onset: 10},
		"a flood that begins within a second": {
			arrived: join(repeat(0, 10), []int{120}, repeat(100_000, 20), repeat(0, 20)), attack: [2]int{11, 30}, onset: 10, before: 120,
		},
		"a small flood":                    {arrived: join(repeat(0, 10), repeat(120, 20), repeat(0, 20)), attack: [2]int{12, 29}, onset: 10, before: 240},
		"a reading every other second":     {arrived: join(repeat(0, 10), []int{0, 400, 0, 400, 0, 400}, repeat(0, 9)), attack: [2]int{11, 15}, onset: 11},
		"nothing of it is stopped":         {arrived: join(repeat(0, 10), repeat(100_000, 20)), passed: true},
		"counts that make no sense at all": {arrived: join(repeat(0, 10), []int{1 << 60}, repeat(0, 9)), attack: [2]int{10, 10}, onset: 10},
	} {
		r := TierRule{}
		attacked, first := seconds(&r, 0, SYN, c.arrived, !c.passed)
		if len(attacked) == 0 {
			if c.attack != [2]int{} {
				t.Errorf("%s: not seen", name)
			}
			continue
		}
		if got := [2]int{attacked[0], attacked[len(attacked)-1]}; got != c.attack {
			t.Errorf("%s: an attack in seconds %d, want %d", name, got, c.attack)
		}
		if onset := int(first.Onset.Sub(epoch) / time.Second); onset != c.onset || first.Before != c.before {
			t.Errorf("%s: onset in second %d with %d before, want %d with %d", name, onset, first.Before, c.onset, c.before)
		}
	}
}

// TestTierVectorsAreApart: a flood of one vector hides no other one's onset.
func TestTierVectorsAreApart(t *testing.T) {
	r := TierRule{}
	for second := range 20 {
		s := TierSecond{}
		s.Arrived[SYN], s.Stopped[SYN][ByScrub] = 10_000, 10_000
		if second >= 10 {
			s.Arrived[TLSFlood], s.Stopped[TLSFlood][ByGate] = 200, 200
		}
		sights := r.Step(epoch.Add(time.Duration(second)*time.Second), &s)
		if want := 1 + second/10; len(sights) != want {
			t.Fatalf("second %d: %+v, want %d", second, sights, want)
		}
		if second >= 10 && (sights[0].Vector != TLSFlood || !sights[0].Onset.Equal(epoch.Add(10*time.Second))) {
			t.Errorf("second %d: %+v", second, sights[0])
		}
	}
}

// TestTierLearnsNoise: constant noise above the rate ends to be an attack within an hour, and no
// flood teaches the rule to bear a large one.
func TestTierLearnsNoise(t *testing.T) {
	r := TierRule{}
	attacked, _ := seconds(&r, 0, UDP, repeat(300, 2*3600), true)
	if last := attacked[len(attacked)-1]; last < 600 || last > 3600 {
		t.Errorf("300/s of noise is an attack until second %d", last)
	}
	r = TierRule{}
	attacked, _ = seconds(&r, 0, UDP, repeat(1_000_000, 24*3600), true)
	if len(attacked) != 24*3600 {
		t.Errorf("a flood of a day is an attack for %d seconds", len(attacked))
	}
	attacked, first := seconds(&r, 24*3600, UDP, join(repeat(0, 10), repeat(5000, 10)), true)
	if len(attacked) != 9 || first.Onset.Sub(epoch) != (24*3600+10)*time.Second {
		t.Errorf("after it 5,000/s is an attack for %d seconds", len(attacked))
	}
}

func BenchmarkTier(b *testing.B) {
	e, r, seq := TierEdges{}, TierRule{}, uint64(0)
	for b.Loop() {
		seq++
		for boot := range uint64(10) {
			e.Take((packets{boot, seq, seq * 1000, seq, boot}).report(), epoch)
		}
		s := e.Tick(epoch)
		r.Step(epoch, &s)
	}
}
