package incident

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// truth is what a story's times must be, in its seconds; -1 is never.
type truth struct{ onset, detected, acted, effective, last int }

func check(t *testing.T, v *Vector, want truth) {
	t.Helper()
	for _, c := range []struct {
		what string
		got  time.Time
		want int
	}{
		{"onset", v.Onset, want.onset},
		{"detected", v.Detected, want.detected},
		{"first action", v.Acted, want.acted},
		{"effective", v.Effective, want.effective},
		{"last sign", v.LastHeat, want.last},
		{"over", v.Over, want.last},
	} {
		switch {
		case c.want < 0 && !c.got.IsZero():
			t.Errorf("%s: %s at second %v, want never", v.Vector, c.what, c.got.Sub(noon).Seconds())
		case c.want >= 0 && !c.got.Equal(at(c.want)):
			t.Errorf("%s: %s at second %v, want %d", v.Vector, c.what, c.got.Sub(noon).Seconds(), c.want)
		}
	}
}

// with changes a wave.
func with(w wave, change func(w *wave)) wave {
	change(&w)
	return w
}

// TestStories: the times of attacks are those that the story had.
func TestStories(t *testing.T) {
	for name, s := range map[string]struct {
		waves []wave
		want  truth
	}{
		"an HTTP flood": {[]wave{flood}, truth{127, 128, 129, 133, 700}},
		"the shop counts as sick a while longer": {
			[]wave{with(flood, func(w *wave) { w.lingers = minWindow - 1 })},
			truth{127, 128, 129, 133, 700},
		},
		"the shop stays sick": {
			[]wave{with(flood, func(w *wave) { w.lingers = 30 })},
			truth{127, 128, 129, 154, 700}, // it is well at second 163
		},
		"a warning shot of 20 s": {
			[]wave{with(flood, func(w *wave) { w.from, w.to = 127, 146 })},
			truth{127, 128, 129, 133, 146},
		},
		"a shot that ends before it is stopped": {
			[]wave{with(flood, func(w *wave) { w.from, w.to, w.heals, w.stopsFrom = 127, 146, 151, 999 })},
			truth{127, 128, -1, 151, 146},
		},
		"pulses of 20 s, each two minutes": {
			[]wave{
				with(flood, func(w *wave) { w.to = 146 }),
				with(flood, func(w *wave) { w.from, w.to, w.detected, w.hurts, w.heals, w.stopsFrom = 247, 266, 247, 0, 0, 247 }),
				with(flood, func(w *wave) { w.from, w.to, w.detected, w.hurts, w.heals, w.stopsFrom = 367, 386, 367, 368, 371, 368 }),
			},
			truth{127, 128, 129, 133, 386},
		},
		"customers notice nothing": {
			[]wave{with(flood, func(w *wave) { w.hurts, w.heals = 0, 0 })},
			truth{127, 128, 129, 127, 700},
		},
		"customers fall late, so it is not stopped at once": {
			[]wave{with(flood, func(w *wave) { w.hurts, w.heals = 180, 190 })},
			truth{127, 128, 129, 190, 700},
		},
		"nothing helps while it goes on": {
			[]wave{with(flood, func(w *wave) { w.heals = 710 })},
			truth{127, 128, 129, 710, 700},
		},
		"nothing helps at all": {
			[]wave{with(flood, func(w *wave) { w.heals = 5000 })},
			truth{127, 128, 129, -1, 700},
		},
		"a SYN flood that was prepared for": {[]wave{synFlood}, truth{60, 60, 60, 60, 180}},
		"low and slow":                      {[]wave{with(lowAndSlow, func(w *wave) { w.customers = 2 })}, truth{60, 79, 80, 60, 400}},
		"low and slow, one customer a minute": {
			[]wave{lowAndSlow},
			truth{60, 79, 80, -1, 400},
		},
		"customers that cannot come at all": {
			[]wave{with(flood, func(w *wave) { w.away, w.heals = true, 150 })},
			truth{127, 128, 129, 145, 700}, // ten seconds with half of the customers begin five earlier
		},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, newWorld(t, s.waves...).run(0, 1100).one().Shops[0].Vectors[0], s.want)
		})
	}
}

// TestNoIncident: what is no attack, or none of its own, is not recorded.
func TestNoIncident(t *testing.T) {
	quiet := with(flood, func(w *wave) { w.rate = 3 })
	for name, s := range map[string]struct {
		change func(m *Moment, second int)
	}{
		"an operator sets level 2":           {func(m *Moment, _ int) { m.Level, m.Need, m.Sights, m.Hot = 2, 2, nil, false }},
		"level 1":                            {func(m *Moment, _ int) { m.Level, m.Need = 1, 1 }},
		"a level that is held, and a bump":   {func(m *Moment, _ int) { m.Level, m.Need = 2, 0 }},
		"a control stops 100/s, as always":   {func(m *Moment, _ int) { m.Level, m.Need = 0, 0; stopAll(m, 100) }},
		"a sign without a name, for a while": {func(m *Moment, _ int) { m.Level, m.Need, m.Sights = 0, 0, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			var r Recorder
			w := newWorld(t, quiet)
			for second := range 900 {
				moments := w.moments(second)
				s.change(&moments[0], second)
				if c := r.Step(at(second), moments); len(c) > 0 {
					t.Fatalf("second %d: %+v", second, c)
				}
			}
			if len(r.shops) != 0 {
				t.Errorf("%d shops are not forgotten", len(r.shops))
			}
		})
	}
	if n := len(newWorld(t, quiet).run(0, 1100).closed()); n != 1 {
		t.Errorf("the same without a change is %d incidents, want 1", n)
	}
}

func stopAll(m *Moment, n int) {
	for i := range m.Sights {
		m.Sights[i].Stopped[watch.ByScrub] = n
	}
}

// TestPreparedRate: just above the rate at which a prepared control counts as attacked.
func TestPreparedRate(t *testing.T) {
	for n, want := range map[int]int{preparedRate: 0, preparedRate + 1: 1} {
		w := newWorld(t, with(synFlood, func(w *wave) { w.rate = n })).run(0, 600)
		if got := len(w.closed()); got != want {
			t.Errorf("%d/s are %d incidents, want %d", n, got, want)
		}
	}
}

// TestSecondAttackHasItsOwnOnset: a flood that comes back while the level is held is a new one
// with an onset of its own, although the rule still tells the old one.
func TestSecondAttackHasItsOwnOnset(t *testing.T) {
	again := with(flood, func(w *wave) {
		w.from, w.to, w.detected, w.hurts, w.heals, w.stopsFrom = 1100, 1150, 1101, 1102, 1105, 1102
	})
	w := newWorld(t, flood, again)
	for second := range 1600 {
		moments := w.moments(second)
		for i := range moments[0].Sights {
			moments[0].Sights[i].Onset = at(127)
		}
		w.changes = append(w.changes, w.rec.Step(at(second), moments)...)
	}
	closed := w.closed()
	if len(closed) != 2 {
		t.Fatalf("%d incidents, want 2", len(closed))
	}
	check(t, closed[1].Shops[0].Vectors[0], truth{1100, 1101, 1102, 1105, 1150})
}

// TestCalmShopsCostNothing: nothing is allocated for them.
func TestCalmShopsCostNothing(t *testing.T) {
	var r Recorder
	moments := make([]Moment, 500)
	for i := range moments {
		moments[i].Shop = shop.ID("shop-" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		moments[i].Second.Strangers[watch.Page], moments[i].Second.Customers, moments[i].Second.Served = 3, 2, 2
	}
	second := 0
	if n := testing.AllocsPerRun(100, func() { second++; r.Step(at(second), moments) }); n != 0 {
		t.Errorf("%v allocations a second, want none", n)
	}
	if len(r.shops) != 0 {
		t.Errorf("%d shops are kept", len(r.shops))
	}
}

// TestRoom: more shops in trouble than there is room for are counted, and no more are kept.
func TestRoom(t *testing.T) {
	var r Recorder
	for i := range maxStates + 10 {
		id := shop.ID("s" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)))
		r.take(at(0), &Moment{Shop: id, Hot: true})
	}
	if len(r.shops) != maxStates || r.MissedSeconds() != 10 {
		t.Errorf("%d shops are kept and %d seconds missed, want %d and 10", len(r.shops), r.MissedSeconds(), maxStates)
	}
}

// TestSecondsComeOnce: a second that comes again, or late, changes nothing.
func TestSecondsComeOnce(t *testing.T) {
	w := newWorld(t, flood).run(0, 200)
	before, err := Encode(w.rec.Open()[0])
	if err != nil {
		t.Fatal(err)
	}
	w.rec.Step(at(200), w.moments(200))
	w.rec.Step(at(150), w.moments(150))
	after, err := Encode(w.rec.Open()[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("a second was counted twice")
	}
}
