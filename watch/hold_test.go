package watch

import (
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// attacked is a State with its clock.
type attacked struct {
	st    State
	now   int64
	set   Settings
	usual *Expected
}

func newAttacked() *attacked { return &attacked{now: begin, set: Defaults(), usual: smallShop()} }

// comes steps so many seconds.
func (a *attacked) comes(seconds int, sec Second) (v Verdict) {
	for range seconds {
		a.now++
		v = a.st.Step(a.now, &sec, a.usual, &a.set)
	}
	return v
}

// until steps until the level is below that, and returns after how many seconds.
func (a *attacked) until(below shop.Level, sec Second) (seconds int) {
	for {
		seconds++
		if v := a.comes(1, sec); v.Level < below || seconds > 100_000 {
			return seconds
		}
	}
}

// near reports whether two times of falling are the same but for the backlog of the sum.
func near(got, want int) bool { return got >= want && got <= want+15 }

// TestFalls: levels fall one by one, and a level that was needed again holds twice as long.
func TestFalls(t *testing.T) {
	a := newAttacked()
	flood := bare(Page, 500, 300)
	for n, want := range []int{600, 1200, 2400, 4800, 7200, 7200} {
		if v := a.comes(5, flood); v.Level != shop.Attack {
			t.Fatalf("flood %d: %v", n, v.Level)
		}
		if got := a.until(shop.Attack, Second{}); !near(got, want) {
			t.Errorf("flood %d held level 2 for %d s, want %d", n, got, want)
		}
	}
	if got := a.until(shop.Raised, Second{}); !near(got, 1800) {
		t.Errorf("level 1 was held for %d s, want 1800", got)
	}
	a.comes(20, Second{})
	if v := a.comes(1, Second{}); v.Why != WhyNothing || v.Onset != 0 || v.Left != 0 {
		t.Errorf("calm because of %v since %d", v.Why, v.Onset)
	}
	if !a.st.Idle() {
		t.Error("half an hour after the last flood the shop is not idle")
	}
	a.now += 86400
	a.comes(5, flood)
	if got := a.until(shop.Attack, Second{}); !near(got, 600) {
		t.Errorf("a day later level 2 was held for %d s, want 600", got)
	}
}

// TestHolds: a level does not fall as long as more comes than is allowed, however little.
func TestHolds(t *testing.T) {
	for requests, want := range map[int]shop.Level{6: shop.Attack, 4: shop.Calm} {
		a := newAttacked()
		a.comes(5, bare(Page, 500, 300))
		if v := a.comes(3600, bare(Page, requests, 3)); v.Level != want {
			t.Errorf("%d strangers/s for an hour after a flood: %v, want %v", requests, v.Level, want)
		}
	}
}

// TestOnset: it is the second in which the flood began, also where it takes long to be seen, and
// what level 3 is for does not change it.
func TestOnset(t *testing.T) {
	a := newAttacked()
	a.comes(100, people(1))
	began := a.now + 1
	v := a.comes(60, bare(Search, 4, 40))
	if v.Level != shop.Attack || v.Onset != began || v.Vector != SearchFlood {
		t.Errorf("%v, %v since second %d, want level 2, a search-flood since 0", v.Level, v.Vector, v.Onset-began)
	}
	v = a.comes(60, bare(Search, 100, 90).with(func(s *Second) { s.Bad, s.Asked, s.Solved = 100, 100, 90 }))
	if v.Level != shop.Siege || v.Onset != began || v.Vector != SolverBots {
		t.Errorf("%v, %v since second %d, want level 4, solver-bots since 0", v.Level, v.Vector, v.Onset-began)
	}
}

// TestTakeOver: a level in force goes on at another edge, which saw nothing of the attack.
func TestTakeOver(t *testing.T) {
	a := newAttacked()
	flood := bare(Page, 500, 300)
	a.comes(5, flood)
	a.until(shop.Attack, Second{})
	v := a.comes(5, flood)
	held := a.st.Held()
	if held.Level != shop.Attack || held.Relapses != 1 || held.Since != a.now-4 || held.Cause.Onset != v.Onset {
		t.Fatalf("held: %+v, now %d", held, a.now)
	}

	b := newAttacked()
	b.now = a.now
	b.st.TakeOver(b.now, held)
	got := b.comes(1, Second{})
	if got.Level != shop.Attack || got.Why != v.Why || got.Onset != v.Onset || got.Vector != v.Vector {
		t.Errorf("taken over: %v because of %v since %d, want %v because of %v since %d", got.Level, got.Why, got.Onset, v.Level, v.Why, v.Onset)
	}
	if b.st.Held().Since != held.Since {
		t.Errorf("level 2 since %d, taken over as %d", held.Since, b.st.Held().Since)
	}
	if got := b.until(shop.Attack, Second{}); !near(got, 1199) {
		t.Errorf("level 2 was held for %d s, want twice 600", got)
	}

	// An edge that has come further itself keeps what it has.
	c := newAttacked()
	c.comes(30, Second{Vouched: [Streams]int{Page: 60}, Through: [Streams]int{Page: 60}, Answered: 60, Bad: 60})
	before := c.st.Held()
	c.st.TakeOver(c.now, held)
	if after := c.st.Held(); after.Level != before.Level || after.Cause != before.Cause || before.Level < shop.Heavy {
		t.Errorf("%+v, taken over %+v: %+v", before, held, after)
	}
	// Whatever was stored is a level.
	d := newAttacked()
	d.st.TakeOver(d.now, Held{Level: 200, Since: -1 << 60, Relapses: 1 << 40})
	if v := d.comes(1, Second{}); v.Level != shop.Siege || v.Left > d.set.MostHold {
		t.Errorf("an impossible level was taken over as %v for %d s", v.Level, v.Left)
	}
}
