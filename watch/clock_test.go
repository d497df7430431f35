package watch

import (
	"math"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// TestMissingSeconds: what an edge counted while it was late comes in one second, and is no flood.
func TestMissingSeconds(t *testing.T) {
	ten := bare(Page, 40, 25) // 4/s for ten seconds
	for gap, want := range map[int64]shop.Level{10: shop.Calm, 1: shop.Attack} {
		a := newAttacked()
		a.comes(10, bare(Page, 4, 25))
		a.now += gap - 1
		if v := a.comes(1, ten); v.Level != want {
			t.Errorf("40 strangers after a gap of %d s: %v, want %v", gap, v.Level, want)
		}
	}
}

// TestFloodWithGaps: a flood is seen through missing seconds, and its onset stays.
func TestFloodWithGaps(t *testing.T) {
	a := newAttacked()
	a.comes(10, people(1))
	began := a.now + 1
	a.comes(2, bare(Search, 4, 40))
	a.now += 4
	a.comes(1, bare(Search, 20, 40))
	v := a.comes(15, bare(Search, 4, 40))
	if v.Level != shop.Attack || v.Onset != began {
		t.Errorf("%v since second %d, want level 2 since 0", v.Level, v.Onset-began)
	}
}

// TestSilence: a shop in which nothing happens is not stepped, and its first second is one.
func TestSilence(t *testing.T) {
	a := newAttacked()
	a.comes(1, bare(Page, 1, 1))
	for range 20 {
		a.comes(1, Second{})
	}
	if !a.st.Idle() {
		t.Fatal("not idle after 20 s of silence")
	}
	a.now += 3600
	if v := a.comes(1, bare(Page, 40, 30)); v.Level != shop.Attack {
		t.Errorf("40 strangers in the first second after an hour: %v, want %v", v.Level, shop.Attack)
	}
}

// TestClockJumps: whatever the clock does, a level neither falls at once nor stays for ever.
func TestClockJumps(t *testing.T) {
	for name, jump := range map[string]int64{"a day ahead": 86400, "an hour back": -3600, "to the beginning of time": -begin - 100, "it stands": -1} {
		a := newAttacked()
		a.comes(5, bare(Page, 500, 300))
		a.now += jump
		v := a.comes(1, Second{})
		if v.Level != shop.Attack {
			t.Errorf("%s: the level fell to %v at once", name, v.Level)
		}
		if jump == -1 {
			for range 700 { // the same second, again and again
				a.now--
				v = a.comes(1, Second{})
			}
		} else {
			v = a.comes(700, Second{})
		}
		if v.Level != shop.Raised {
			t.Errorf("%s: %v after 700 s, want %v", name, v.Level, shop.Raised)
		}
		if v.Onset > begin+1 {
			t.Errorf("%s: onset moved by %d s", name, v.Onset-begin-1)
		}
	}
}

// TestImpossibleCounts: counts that no shop can have leave nothing behind that lasts.
func TestImpossibleCounts(t *testing.T) {
	const much = 1 << 62
	a := newAttacked()
	for _, n := range []int{much, -much} {
		a.comes(3, Second{
			Strangers: [Streams]int{n, n, n, n}, Vouched: [Streams]int{n, n, n, n}, Through: [Streams]int{n, n, n, n},
			Assets: n, Answered: n, Bad: n, Crowded: n, Hidden: n, Asked: n, Solved: n, Waiting: n, Distinct: n,
		})
	}
	if got := a.until(shop.Raised, Second{}); got > 10_000 {
		t.Errorf("calm after %d s", got)
	}
	a = newAttacked()
	a.usual.Announced = math.Inf(1)
	if v := a.comes(3, bare(Page, 500, 300)); v.Allowance > 1000 {
		t.Errorf("with anything announced %v/s are allowed", v.Allowance)
	}
	a.usual.Announced = math.NaN()
	if v := a.comes(3, bare(Page, 500, 300)); v.Level != shop.Attack {
		t.Errorf("with nothing that is a number announced: %v, want %v", v.Level, shop.Attack)
	}
	b := NewBaseline(DefaultPrior())
	for range 1300 {
		b.Note(&Second{Strangers: [Streams]int{much}, Through: [Streams]int{much}, Assets: much, Waiting: much}, shop.Calm, false, false)
	}
	b.Hour(0)
	if e := b.Expected(0); !(e.Strangers[Page] <= mostCounted && e.Assets <= mostCounted && e.Waiting <= mostWaiting) {
		t.Errorf("expected %+v", e)
	}
}
