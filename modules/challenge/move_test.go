package challenge

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// TestPassMoves: a pass serves its own subnet and one other; a third has to earn its own,
// until ten minutes later the pass may move again.
func TestPassMoves(t *testing.T) {
	s := openStage(t)
	pass := s.pass("192.0.2.1", shop.Attack)
	use := func(what, from string, want bool) {
		t.Helper()
		if got := s.passes(from, pass); got != want {
			t.Errorf("%s: passes %v, want %v", what, got, want)
		}
	}
	use("at home", "192.0.2.1", true)
	use("elsewhere", "198.51.100.1", true)
	for i := range 100 {
		use("a third subnet", fmt.Sprintf("203.0.%d.1", i), false)
	}
	use("at home again", "192.0.2.200", true)
	for range 20 { // one that reads slowly: the bucket of its requests is full each time
		s.now = s.now.Add(29 * time.Second)
		use("elsewhere again", "198.51.100.1", true)
	}
	use("a third subnet after 9 min 40 s", "203.0.113.1", false)
	s.now = s.now.Add(20 * time.Second)
	use("the third subnet after ten minutes", "203.0.113.1", true)
	use("where it moved away from", "198.51.100.1", false)
	use("at home", "192.0.2.1", true)
}

// TestWhoStaysElsewhereIsNotChallenged: not when its ten minutes are over either.
func TestWhoStaysElsewhereIsNotChallenged(t *testing.T) {
	s := openStage(t)
	pass := s.pass("192.0.2.1", shop.Attack)
	for range 59 * 60 / 7 {
		if s.now = s.now.Add(7 * time.Second); !s.passes("198.51.100.1", pass) {
			t.Fatalf("challenged %s after noon", s.now.Sub(s.now.Truncate(12*time.Hour)))
		}
	}
	// The control: one that changes between two others is.
	if s.now = s.now.Add(time.Second); s.passes("203.0.113.1", pass) {
		t.Error("a third subnet is let in")
	}
}

// TestCustomersWhoseSubnetChanges: providers change the /56, a browser changes between IPv4
// and IPv6, and a telephone between WLAN and mobile network.
func TestCustomersWhoseSubnetChanges(t *testing.T) {
	for name, way := range map[string][]string{
		"another /56":    {"2001:db8:1:100::1", "2001:db8:1:200::1", "2001:db8:1:2ff::1"},
		"IPv6 and IPv4":  {"2001:db8::1", "192.0.2.1", "2001:db8::1", "192.0.2.1"},
		"mobile network": {"2001:db8::1", "2a00:1::1", "2a00:1::1", "2001:db8::1"},
	} {
		s := openStage(t)
		pass := s.pass(way[0], shop.Attack)
		for _, from := range way {
			if s.now = s.now.Add(time.Second); !s.passes(from, pass) {
				t.Errorf("%s: challenged at %s", name, from)
			}
		}
		if s.passes("2001:db8:ffff::1", pass) {
			t.Errorf("%s: a third subnet passes", name)
		}
	}
}

// TestAPageAndWhatItLoadsMoveAtOnce: none of them is challenged, and two subnets that come
// at once are not both let in.
func TestAPageAndWhatItLoadsMoveAtOnce(t *testing.T) {
	for range 50 {
		s := openStage(t)
		pass := s.pass("192.0.2.1", shop.Attack)
		var one, other atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 22 {
			from, passed := "198.51.100.1", &one
			if i >= 11 {
				from, passed = "203.0.113.1", &other
			}
			all.Go(func() {
				<-start
				if s.passes(from, pass) {
					passed.Add(1)
				}
			})
		}
		close(start)
		all.Wait()
		if a, b := one.Load(), other.Load(); max(a, b) != 11 || min(a, b) != 0 {
			t.Fatalf("%d and %d of 11 requests from two subnets passed, want all of one and none of the other", a, b)
		}
	}
}

// TestMidnightRefusesNobody: subnets have other hashes then, at home and elsewhere.
func TestMidnightRefusesNobody(t *testing.T) {
	s := openStage(t)
	s.now = s.now.Add(11*time.Hour + 55*time.Minute)
	pass := s.pass("192.0.2.1", shop.Attack)
	for range 50 * 2 {
		s.now = s.now.Add(30 * time.Second)
		for _, from := range []string{"192.0.2.1", "2001:db8::1"} {
			if !s.passes(from, pass) {
				t.Fatalf("%s: %s is challenged", s.now.Format(time.TimeOnly), from)
			}
		}
	}
	// The control: the pass serves no botnet after midnight either.
	var others int
	for i := range 100 {
		if s.passes(fmt.Sprintf("203.0.%d.1", i), pass) {
			others++
		}
	}
	if others > 1 {
		t.Errorf("after midnight the pass serves %d more subnets, want one at the most", others)
	}
}

// TestPassOfALowerLevel is worth half, and only as long as one of the shop's level.
func TestPassOfALowerLevel(t *testing.T) {
	for _, c := range []struct {
		what   string
		earned shop.Level
		age    time.Duration
		budget int
	}{
		{"of its own level", shop.Attack, 0, 240},
		{"of the level below", shop.Raised, 0, 120},
		{"of the level below, an hour old", shop.Raised, time.Hour, 0},
		{"of the level above", shop.Heavy, 0, 240},
	} {
		s := openStage(t)
		pass := s.pass("192.0.2.1", c.earned)
		s.now = s.now.Add(c.age)
		if got := s.admitted(300, "192.0.2.1", pass); got != c.budget {
			t.Errorf("a pass %s is worth %d requests, want %d", c.what, got, c.budget)
		}
		if s.level = shop.Raised; c.age > 0 && !s.hasPass(pass) {
			t.Errorf("a pass %s is not good at its own level", c.what)
		}
	}
}

func (s *stage) hasPass(cookie string) bool {
	_, ok := s.passOf(request(cookie), s.visit("192.0.2.1"), new(tokens))
	return ok
}

// TestUsedUpPassIsExchanged: a visitor without JavaScript whose pass is used up gets another
// for the next wait, and is not sent in a circle.
func TestUsedUpPassIsExchanged(t *testing.T) {
	s := openStage(t)
	pass := s.pass("192.0.2.1", shop.Attack)
	if v := s.visit("192.0.2.1"); !s.left(pass, v) {
		t.Fatal("a new pass has nothing left")
	}
	s.admitted(241, "192.0.2.1", pass)
	if v := s.visit("192.0.2.1"); s.left(pass, v) {
		t.Error("a used up pass has something left, and leads back to the page that is challenged")
	}
}

func (s *stage) left(cookie string, v *shop.Visit) bool {
	pass, ok := s.passOf(request(cookie), v, new(tokens))
	return ok && s.hasLeft(&pass, v)
}

// clockAlone is a store of which any use but that of its clock panics.
type clockAlone struct{ counters.Store }

func (clockAlone) Time(now time.Time) time.Time { return now.Round(0) }

// TestPassAtHomeCostsNothingMore: no bucket but its budget's, and no allocation.
func TestPassAtHomeCostsNothingMore(t *testing.T) {
	s := openStage(t)
	s.store = clockAlone{}
	r, v := request(s.pass("192.0.2.1", shop.Attack)), s.visit("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() {
		if pass, ok := s.passOf(r, v, new(tokens)); !ok || pass.Kind != pow.Work {
			t.Fatal("no pass")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
