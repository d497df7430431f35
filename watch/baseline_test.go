package watch

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// fill notes ten seconds and makes them as many as an hour needs.
func fill(b *Baseline, sec Second, level shop.Level, sick, announced bool) {
	for range 10 {
		b.Note(&sec, level, sick, announced)
	}
	n := &b.now
	for j := range Streams {
		n.strangers[j] *= 125
		n.through[j] *= 125
	}
	n.seconds *= 125
	n.assets *= 125
	n.dynamic *= 125
	n.carts *= 125
	n.waiting *= 125
	n.passed *= 125
}

// learn notes so many weeks, in which each hour is filled by its own second.
func learn(b *Baseline, weeks int, level shop.Level, announced bool, of func(h int) Second) {
	for range weeks {
		for h := range hours {
			fill(b, of(h), level, false, announced)
			b.Hour(h)
		}
	}
}

// rhythm is three newcomers a second by day, and none by night.
func rhythm(h int) Second {
	if h%24 >= 8 {
		return people(3)
	}
	return Second{}
}

// TestLearns: after some weeks the baseline knows the shop's day and how people behave.
func TestLearns(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	if e := b.Expected(30); e.Strangers[Page] <= 0 || e.Assets != 4 || e.Slow != time.Second {
		t.Errorf("a new shop expects %+v, want what the fleet does", e)
	}
	learn(b, 8, shop.Calm, false, rhythm)
	noon, night := b.Expected(24+12), b.Expected(24+3)
	if got := noon.Strangers[Page]; math.Abs(got-3) > 0.3 {
		t.Errorf("at noon %.2f strangers/s are expected, want 3", got)
	}
	if got := noon.Dynamic; math.Abs(got-15) > 1.5 {
		t.Errorf("at noon %.2f requests/s are expected, want 15", got)
	}
	if got := night.Strangers[Page]; got > 0.1 {
		t.Errorf("at night %.2f strangers/s are expected, want none", got)
	}
	if math.Abs(noon.Assets-4) > 0.01 || math.Abs(noon.Carts-0.2) > 0.01 {
		t.Errorf("%.2f assets and %.2f carts a request, want 4 and 0.2", noon.Assets, noon.Carts)
	}
	if got := noon.Borne; math.Abs(got-15) > 0.5 {
		t.Errorf("the shop has borne %.1f requests/s, want 15", got)
	}
	// The day may begin an hour early, also over midnight and over the end of the week.
	if got := b.Expected(24 + 7).Strangers[Page]; got < 2.5 {
		t.Errorf("an hour before the day begins %.2f strangers/s are allowed for, want 3", got)
	}
	if got := b.Expected(0).Strangers[Page]; got < 2.5 {
		t.Errorf("in the first hour of the week %.2f strangers/s are allowed for, want those of the last", got)
	}
}

// TestHourOf: hours of the week come in turn and around.
func TestHourOf(t *testing.T) {
	for now, want := range map[int64]int{0: 0, 3599: 0, 3600: 1, hours*3600 - 1: hours - 1, hours * 3600: 0} {
		if got := HourOf(now); got != want {
			t.Errorf("second %d is in hour %d, want %d", now, got, want)
		}
	}
}

// TestTeaches: attacks and what was announced teach nothing, and a ramp very little.
func TestTeaches(t *testing.T) {
	flood := func(int) Second { return people(300) }
	for name, c := range map[string]struct {
		level     shop.Level
		announced bool
		least     float64
		most      float64
	}{
		"at level 2":            {level: shop.Attack, least: 1, most: 1},
		"announced":             {announced: true, least: 1, most: 1},
		"hidden in calm":        {least: 1.1, most: 1.17},
		"at level 1, in a week": {level: shop.Raised, least: 1.1, most: 1.17},
	} {
		b := NewBaseline(DefaultPrior())
		learn(b, 8, shop.Calm, false, rhythm)
		before := b.Expected(36).Strangers[Page]
		learn(b, 1, c.level, c.announced, flood)
		if got := b.Expected(36).Strangers[Page] / before; got < c.least-1e-6 || got > c.most {
			t.Errorf("a flood %s for a week multiplies what is expected by %.3f, want %.2f to %.2f", name, got, c.least, c.most)
		}
	}
}

// TestHalfHours: an hour is learned if most of it was seen, quiet seconds included, and a quiet week
// takes a quarter at the most.
func TestHalfHours(t *testing.T) {
	for name, c := range map[string]struct {
		seconds, quiet int
		least, most    float64
	}{
		"ten minutes of a crowd":          {600, 0, 1, 1},
		"ten minutes of it, then silence": {600, 3000, 1.1, 1.17},
		"silence":                         {0, 3600, 0.73, 0.75},
		"an hour as always":               {3600, 0, 0.99, 1.01},
		"seconds that there are not any":  {0, -3600, 1, 1},
	} {
		b := NewBaseline(DefaultPrior())
		sec := people(3)
		learn(b, 8, shop.Calm, false, func(int) Second { return sec })
		before := b.Expected(36).Dynamic
		if c.seconds < 1200 {
			sec = people(100)
		}
		for range c.seconds {
			b.Note(&sec, shop.Calm, false, false)
		}
		b.Quiet(c.quiet)
		b.Hour(36)
		if got := b.Expected(36).Dynamic / before; got < c.least-1e-9 || got > c.most+1e-9 {
			t.Errorf("%s: multiplies what is expected by %.3f, want %.2f to %.2f", name, got, c.least, c.most)
		}
	}
}

// TestDrip: bare requests below all allowances must not teach that the shop has no pictures. A
// shop whose pictures do move is learned.
func TestDrip(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	learn(b, 2, shop.Calm, false, func(int) Second { return people(1) })
	drip := people(1)
	drip.Strangers[Page] += 25
	learn(b, 1, shop.Calm, false, func(int) Second { return drip })
	if got := b.Expected(0).Assets; math.Abs(got-4) > 0.01 {
		t.Errorf("after a week of bare requests %.2f assets a request are expected, want 4", got)
	}
	bots := people(1)
	bots.Assets = 0
	learn(b, 1, shop.Raised, false, func(int) Second { return bots })
	if got := b.Expected(0).Assets; math.Abs(got-4) > 0.01 {
		t.Errorf("after a week at level 1 without assets %.2f a request are expected, want 4", got)
	}
	moved := people(1)
	moved.Assets = 0
	learn(b, 1, shop.Calm, false, func(int) Second { return moved })
	if got := b.Expected(0).Assets; got > 0.1 {
		t.Errorf("a week after the pictures moved %.2f assets a request are expected, want none", got)
	}
}

// TestBorne: what the shop bears grows by a fifth a day, and not by what made it suffer.
func TestBorne(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	learn(b, 2, shop.Calm, false, func(int) Second { return people(2) })
	before := b.Expected(0).Borne
	crowd := people(100)
	for n, want := range []float64{1.2, 1.44} {
		for h := range 24 {
			fill(b, crowd, shop.Calm, false, false)
			b.Hour(h)
		}
		if got := b.Expected(0).Borne / before; math.Abs(got-want) > 0.01 {
			t.Errorf("day %d of a crowd: borne grew to %.2f times, want %.2f", n+1, got, want)
		}
	}
	before = b.Expected(0).Borne
	for h := range 24 {
		fill(b, crowd, shop.Calm, true, false)
		b.Hour(h)
	}
	if got := b.Expected(0).Borne; got > before {
		t.Errorf("a day of suffering: borne %.1f, before %.1f", got, before)
	}
}

// TestSlow: what is slow depends on the shop, within bounds.
func TestSlow(t *testing.T) {
	for waiting, want := range map[int]time.Duration{0: time.Second, 5: 4 * time.Second, 500: 10 * time.Second} {
		b := NewBaseline(DefaultPrior())
		learn(b, 4, shop.Calm, false, func(int) Second { return people(2).with(func(s *Second) { s.Waiting = waiting }) })
		if got := b.Expected(0).Slow; (got - want).Abs() > want/10 {
			t.Errorf("10 requests a second, %d waiting: an answer is bad after %v, want %v", waiting, got, want)
		}
	}
	b := NewBaseline(DefaultPrior())
	hangs := people(2).with(func(s *Second) { s.Waiting = 500 })
	for h := range hours {
		fill(b, hangs, shop.Calm, true, false)
		b.Hour(h)
	}
	if got := b.Expected(0).Slow; got != time.Second {
		t.Errorf("after a week of suffering an answer is bad after %v, want 1s", got)
	}
}

// TestTrouble: what looks like suffering every day is learned within half a day, though the shop is
// sick meanwhile, and hides no slow answers. It is forgotten again, and bounded.
func TestTrouble(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	learn(b, 2, shop.Calm, false, func(int) Second { return people(1) })
	hours := func(n int, level shop.Level, change func(*Second)) Expected {
		for h := range n {
			sec := people(1).with(change)
			for range 3600 {
				b.Note(&sec, level, true, false)
			}
			b.Hour(h)
		}
		return b.Expected(0)
	}
	near := func(e Expected, held, bad, crowded float64) bool {
		return math.Abs(e.Held-held) < 0.1*held+0.5 && math.Abs(e.Bad-bad) < 0.1*bad+0.1 && math.Abs(e.Crowded-crowded) < 0.1*crowded+0.1
	}
	usual := func(s *Second) { s.Waiting, s.Bad, s.Crowded = 30, 1, 1 } // of five requests a second: ten wait two seconds
	if e := hours(12, shop.Raised, usual); !near(e, 0, 0, 0) {
		t.Errorf("at level 1 %+v was learned", e)
	}
	if e := hours(1, shop.Calm, usual); !near(e, 1, 0, 0) {
		t.Errorf("an hour taught %+v", e)
	}
	if e := hours(12, shop.Calm, usual); !near(e, 20, 1, 1) || e.Slow != time.Second {
		t.Errorf("half a day later %+v is expected", e)
	}
	if e := hours(72, shop.Calm, func(*Second) {}); !near(e, 1, 0, 0) {
		t.Errorf("three days after it ended %+v is expected", e)
	}
	if e := hours(100, shop.Calm, func(s *Second) { s.Waiting, s.Bad, s.Crowded = 5000, 500, 500 }); !near(e, mostHeld, mostTrouble, mostTrouble) {
		t.Errorf("four days of far too much taught %+v", e)
	}
}

// TestStored: a baseline comes back as it was, in a few kilobytes.
func TestStored(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	learn(b, 2, shop.Calm, false, rhythm)
	b.held, b.bad, b.crowded = 20, 0.7, 0.3
	stored, err := b.MarshalBinary()
	if err != nil || len(stored) > 4096 {
		t.Fatalf("%d bytes, %v", len(stored), err)
	}
	c := NewBaseline(DefaultPrior())
	if err := c.UnmarshalBinary(stored); err != nil {
		t.Fatal(err)
	}
	for h := range hours {
		got, want := c.Expected(h), b.Expected(h)
		for name, pair := range map[string][2]float64{
			"strangers": {got.Strangers[Page], want.Strangers[Page]}, "through": {got.Through[Order], want.Through[Order]},
			"dynamic": {got.Dynamic, want.Dynamic}, "assets": {got.Assets, want.Assets}, "borne": {got.Borne, want.Borne},
			"held": {got.Held, want.Held}, "bad": {got.Bad, want.Bad}, "crowded": {got.Crowded, want.Crowded},
		} {
			if math.Abs(pair[0]-pair[1]) > 0.001*pair[1]+1e-6 {
				t.Fatalf("hour %d: %s %v, want %v", h, name, pair[0], pair[1])
			}
		}
	}
	if again, _ := c.MarshalBinary(); !bytes.Equal(again, stored) {
		t.Error("stored, read and stored again it differs")
	}
	fresh, _ := NewBaseline(DefaultPrior()).MarshalBinary()
	for name, in := range map[string][]byte{
		"nothing": nil, "too short": stored[:20], "cut": stored[:len(stored)-1], "longer": append(bytes.Clone(stored), 0),
		"of the next version": append([]byte{binaryVersion + 1}, stored[1:]...),
	} {
		if err := c.UnmarshalBinary(in); err == nil {
			t.Errorf("%s is read as a baseline", name)
		}
	}
	if after, _ := c.MarshalBinary(); !bytes.Equal(after, stored) {
		t.Error("what cannot be read changed the baseline")
	}
	if len(fresh) >= 400 {
		t.Errorf("a new baseline takes %d bytes, want less than 400", len(fresh))
	}
}

// TestPack: numbers come back to 0.03 %, and what is none is 0.
func TestPack(t *testing.T) {
	for _, x := range []float64{0, 1e-7, 1.0 / 3600, 0.019, 1, 75_000, 1e9} {
		if got := pack(x).rate(); math.Abs(got-x) > 0.0003*x {
			t.Errorf("%v comes back as %v", x, got)
		}
	}
	for x, want := range map[float64]float64{-1: 0, math.Inf(-1): 0, math.Inf(1): mostPacked, 1e300: mostPacked} {
		if got := pack(x).rate(); math.Abs(got-want) > 0.001*want {
			t.Errorf("%v comes back as %v, want %v", x, got, want)
		}
	}
	if got := pack(math.NaN()); got != 0 {
		t.Errorf("NaN is packed as %d", got)
	}
}

// FuzzBaseline: whatever is stored gives numbers that the rule can work with.
func FuzzBaseline(f *testing.F) {
	b := NewBaseline(DefaultPrior())
	f.Add([]byte{})
	fresh, _ := b.MarshalBinary()
	f.Add(fresh)
	learn(b, 1, shop.Calm, false, rhythm)
	stored, _ := b.MarshalBinary()
	f.Add(stored)
	f.Add(append([]byte{binaryVersion}, bytes.Repeat([]byte{0xff}, len(stored)-1)...))
	set := Defaults()
	f.Fuzz(func(t *testing.T, in []byte) {
		b := NewBaseline(DefaultPrior())
		if b.UnmarshalBinary(in) != nil {
			return
		}
		var st State
		sec := people(3)
		for h := range hours {
			e := b.Expected(h)
			v := st.Step(begin+int64(h), &sec, &e, &set)
			for _, x := range []float64{e.Dynamic, e.Distinct, e.Carts, e.Assets, e.Waiting, e.Held, e.Bad, e.Crowded, e.Borne, v.Sum, v.Allowance, v.Threshold, v.Assets} {
				if !(x >= 0 && x <= 1e30) {
					t.Fatalf("hour %d: %v in %+v, %+v", h, x, e, v)
				}
			}
			if e.Slow < time.Second || e.Slow > 10*time.Second {
				t.Fatalf("an answer is bad after %v", e.Slow)
			}
			b.Note(&sec, v.Level, v.Sick, false)
			b.Hour(h)
		}
		out, err := b.MarshalBinary()
		if err != nil || b.UnmarshalBinary(out) != nil {
			t.Fatalf("what was read cannot be stored: %v", err)
		}
	})
}

// TestPriorOf: those that join a fleet begin with what its shops have in common.
func TestPriorOf(t *testing.T) {
	var fleet []*Baseline
	for n := range leastFleet {
		b := NewBaseline(DefaultPrior())
		learn(b, 2, shop.Calm, false, func(h int) Second {
			if h%24 >= 8 {
				return people(1 + n)
			}
			return Second{}
		})
		fleet = append(fleet, b)
	}
	p := PriorOf(fleet)
	if got := p.Shape[12] / max(p.Shape[3], 1e-9); got < 5 {
		t.Errorf("noon has %.1f times the requests of the night", got)
	}
	if e := NewBaseline(p).Expected(12); math.Abs(e.Strangers[Page]-3) > 1 || math.Abs(e.Assets-4) > 0.01 {
		t.Errorf("a shop that joins expects %.2f strangers/s and %.2f assets, want those of the median, 3 and 4", e.Strangers[Page], e.Assets)
	}
	if got := PriorOf(fleet[:leastFleet-1]); *got != *DefaultPrior() {
		t.Error("of too few shops the prior is not the default")
	}
}

// TestExpectedOrders: orders are expected as there are usually, and an edge that sees a third
// of the customers expects a third.
func TestExpectedOrders(t *testing.T) {
	b := NewBaseline(DefaultPrior())
	busy := Second{Through: [Streams]int{Page: 5, Order: 1}, Vouched: [Streams]int{Page: 5, Order: 1}, Orders: 1}
	for h := range 400 {
		for range 60 {
			b.Note(&busy, shop.Calm, false, false)
		}
		b.Quiet(3540)
		b.Hour(h)
	}
	e := b.Expected(400)
	if got := e.Orders * 3600; got < 50 || got > 70 {
		t.Errorf("%.1f orders an hour are expected, want about 60", got)
	}
	if got, want := e.Share(3).Orders, e.Orders/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("a third is %v, want %v", got, want)
	}
}
