package watch

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// begin is noon of some day.
const begin = int64(1_800_014_400)

// smallShop is what is usual at a shop with 0.1 visits a second, which loads its pictures itself.
func smallShop() *Expected {
	return &Expected{
		Strangers: [Streams]float64{Page: 0.06, Search: 0.01, Account: 0.002, Order: 0.003},
		Through:   [Streams]float64{Page: 0.3, Search: 0.09, Account: 0.04, Order: 0.07},
		Dynamic:   0.5, Distinct: 0.7, Carts: 0.15, Assets: 4, Waiting: 0.1, Borne: 15, Announced: 1, Slow: time.Second,
	}
}

// bigShop is one of a hundred times that.
func bigShop() *Expected {
	e := smallShop()
	for j := range Streams {
		e.Strangers[j] *= 100
		e.Through[j] *= 100
	}
	e.Dynamic, e.Distinct, e.Borne = 100*e.Dynamic, 100*e.Distinct, 500
	return e
}

// phase is a second that comes so many times.
type phase struct {
	seconds int
	sec     Second
}

// scene is a piece of traffic, and what the rule has to make of it.
type scene struct {
	usual  *Expected
	set    func(*Settings) // what to leave out
	phases []phase

	level shop.Level // the highest
	why   Why        // of it
	sign  Sign
	least int // seconds until it is reached, first and last that are right
	most  int
}

// play steps through the scene, and returns the verdict that reached the highest level, with the
// seconds until then.
func (s *scene) play() (top Verdict, after int) {
	set := Defaults()
	if s.set != nil {
		s.set(&set)
	}
	var st State
	now := begin
	for _, p := range s.phases {
		for range p.seconds {
			now++
			if v := st.Step(now, &p.sec, s.usual, &set); v.Level > top.Level {
				top, after = v, int(now-begin)
			}
		}
	}
	return top, after
}

// check runs scenes that are keyed by what happens in them.
func check(t *testing.T, scenes map[string]scene) {
	t.Helper()
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			got, after := s.play()
			if got.Level != s.level || got.Why != s.why || got.Now.Sign != s.sign {
				t.Fatalf("level %v because of %v, %v, after %d s: %s; want %v because of %v, %v",
					got.Level, got.Why, got.Now.Sign, after, got.Words(), s.level, s.why, s.sign)
			}
			if s.level > shop.Calm && (after < s.least || after > s.most) {
				t.Errorf("%v after %d s, want %d to %d", got.Level, after, s.least, s.most)
			}
		})
	}
}

// bare are so many requests of a stream by so many clients, without anything else.
func bare(stream Stream, requests, clients int) Second {
	s := Second{Distinct: clients, Answered: requests}
	s.Strangers[stream], s.Through[stream] = requests, requests
	return s
}

// people are so many newcomers a second with all that they do, in a crowd that has been there
// for a while: each reads five pages, and is a stranger once.
func people(newcomers int) Second {
	return Second{
		Strangers: [Streams]int{Page: newcomers},
		Vouched:   [Streams]int{Page: 2 * newcomers, Search: newcomers, Order: newcomers},
		Through:   [Streams]int{Page: 3 * newcomers, Search: newcomers, Order: newcomers},
		Assets:    20 * newcomers, Answered: 5 * newcomers, Distinct: 10 * newcomers,
	}
}

// with returns the second after a change.
func (s Second) with(change func(*Second)) Second {
	change(&s)
	return s
}
