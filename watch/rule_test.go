package watch

import (
	"testing"
	"unsafe"

	"github.com/theriac-edge/theriac/shop"
)

// TestUnlikeBrowsers: floods are seen by what they lack. Each line has its control, in which that
// is there, or the rule does not look at it.
func TestUnlikeBrowsers(t *testing.T) {
	elsewhere := smallShop()
	elsewhere.Assets = 0.2
	hidden := people(60).with(func(s *Second) { s.Strangers[Page] += 2000; s.Distinct += 19_000 })
	check(t, map[string]scene{
		"bare flood": {
			usual: smallShop(), phases: []phase{{60, bare(Page, 200, 150)}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 1, most: 1,
		},
		"bare flood, if nobody looks at assets: they return no stamps": {
			usual: smallShop(), phases: []phase{{60, bare(Page, 50, 60)}}, set: func(s *Settings) { s.AssetPart = 0 },
			level: shop.Attack, why: WhyUnlike, sign: NoStamps, least: 30, most: 30,
		},
		"flood at a shop with pictures elsewhere: the same clients again": {
			usual: elsewhere, phases: []phase{{60, bare(Page, 50, 60)}},
			level: shop.Attack, why: WhyUnlike, sign: SameClients, least: 11, most: 11,
		},
		"the same by clients that come once": {
			usual: elsewhere, phases: []phase{{60, bare(Page, 50, 480)}},
			level: shop.Attack, why: WhyUnlike, sign: NoStamps, least: 30, most: 30,
		},
		"the same, if nobody looks at stamps": {
			usual: elsewhere, phases: []phase{{60, bare(Page, 50, 480)}}, set: func(s *Settings) { s.VouchedPart = 0 },
			level: shop.Raised, why: WhyMany, least: 1, most: 1,
		},
		"the same where the shop suffers, if nobody looks at stamps and health: no carts": {
			usual: elsewhere, phases: []phase{{60, bare(Page, 50, 480).with(func(s *Second) { s.Bad = 50 })}},
			set:   func(s *Settings) { s.VouchedPart, s.Patience = 0, 1e9 },
			level: shop.Attack, why: WhyUnlike, sign: NoCarts, least: 45, most: 45,
		},
		"the same, if nobody looks at anything": {
			usual: elsewhere, phases: []phase{{60, bare(Page, 50, 480)}}, set: func(s *Settings) { s.VouchedPart, s.CartPart = 0, 0 },
			level: shop.Raised, why: WhyMany, least: 1, most: 1,
		},
		"low and slow searches": {
			usual: smallShop(), phases: []phase{{60, bare(Search, 4, 40)}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 15, most: 25,
		},
		"as many searches as are allowed": {usual: smallShop(), phases: []phase{{600, bare(Search, 2, 20)}}},
		"guessing of passwords": {
			usual: smallShop(), phases: []phase{{60, bare(Account, 5, 50)}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 8, most: 12,
		},
		"flood that waited for a newsletter": {
			usual: bigShop(), phases: []phase{{3600, people(60)}, {60, hidden}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 3601, most: 3601,
		},
		"the same without a sense for jumps": {
			usual: bigShop(), phases: []phase{{3600, people(60)}, {240, hidden}}, set: func(s *Settings) { s.Jump = 1e9 },
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 3620, most: 3800,
		},
		"the same with a memory that does not fade": {
			usual: bigShop(), phases: []phase{{3600, people(60)}, {240, hidden}}, set: func(s *Settings) { s.Memory = 1e9 },
			level: shop.Raised, why: WhyMany, least: 1, most: 60,
		},
	})
}

// TestPeople: crowds of people do not lead beyond level 1, and those whose stamps are lost do not
// either.
func TestPeople(t *testing.T) {
	lost := people(10).with(func(s *Second) {
		for j := range Streams {
			s.Strangers[j], s.Vouched[j] = s.Strangers[j]+s.Vouched[j], 0
		}
		s.Distinct = 200
	})
	big, small := bigShop(), bigShop()
	big.Borne, small.Borne = 0, 0
	small.Dynamic, small.Distinct = small.Dynamic/5, 20
	small.Carts, small.Assets = 0, 0 // no other sign
	elsewhere := smallShop()
	elsewhere.Assets = 0.2
	noted := *smallShop()
	noted.Announced = 100
	check(t, map[string]scene{
		"people behind a carrier's NAT at a shop with pictures elsewhere": {
			usual: elsewhere, phases: []phase{{60, people(20).with(func(s *Second) { s.Distinct, s.Assets = 60, 20 })}},
			level: shop.Raised, why: WhyMany, least: 1, most: 5,
		},
		"twenty times the usual": {
			usual: smallShop(), phases: []phase{{3600, people(6)}},
			level: shop.Raised, why: WhyMany, least: 30, most: 30,
		},
		"the same crowd that loads nothing": {
			usual: smallShop(), phases: []phase{{3600, people(6).with(func(s *Second) { s.Assets = 0 })}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 30, most: 30,
		},
		"the same crowd, announced": {usual: &noted, phases: []phase{{3600, people(6)}}},
		"a flood that was announced": {
			usual: &noted, phases: []phase{{60, bare(Page, 500, 300)}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 1, most: 1,
		},
		"ten times what a small floor allows, in one second": {
			usual: smallShop(), phases: []phase{{1, people(25)}, {60, Second{}}},
		},
		"all stamps lost at a big shop": {
			usual: big, phases: []phase{{10, people(10)}, {3600, lost}},
			level: shop.Raised, why: WhyMany, least: 11, most: 20,
		},
		"as many without stamps where that is far more than usual": {
			usual: small, phases: []phase{{3600, lost.with(func(s *Second) { s.Distinct = 60 })}},
			level: shop.Attack, why: WhyUnlike, sign: SameClients, least: 3, most: 15,
		},
		"the same, if nobody looks for the same clients": {
			usual: small, phases: []phase{{3600, lost}}, set: func(s *Settings) { s.Again = 0 },
			level: shop.Attack, why: WhyUnlike, sign: NoStamps, least: 30, most: 30,
		},
	})
}

// TestFewClients: a crawler is no matter of the shop.
func TestFewClients(t *testing.T) {
	check(t, map[string]scene{
		"crawler of 3 clients": {
			usual: smallShop(), phases: []phase{{3600, bare(Page, 8, 3)}},
			level: shop.Raised, why: WhyFew, least: 10, most: 10,
		},
		"the same at midnight, when all keys change": {
			usual: smallShop(), phases: []phase{{30, bare(Page, 8, 3)}, {10, bare(Page, 8, 6)}, {60, bare(Page, 8, 3)}},
			level: shop.Raised, why: WhyFew, least: 10, most: 10,
		},
		"crawler of 3 clients, if their number does not count": {
			usual: smallShop(), phases: []phase{{60, bare(Page, 8, 3)}}, set: func(s *Settings) { s.Many = -1 },
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 10, most: 10,
		},
		"as many requests of 30": {
			usual: smallShop(), phases: []phase{{60, bare(Page, 8, 30)}},
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 10, most: 10,
		},
	})
}

// TestSuffering: a shop that suffers bears less, and takes strangers for the reason if there are
// several times as many as usual.
func TestSuffering(t *testing.T) {
	// Three newcomers a second whom the shop bears in health, with pictures and nothing else.
	imitators := bare(Page, 3, 30).with(func(s *Second) { s.Assets = 12 })
	hangs := imitators.with(func(s *Second) { s.Answered, s.Waiting = 0, 40 })
	crowd := people(6).with(func(s *Second) { s.Bad = 20 })
	flood := bare(Page, 2000, 1000).with(func(s *Second) { s.Answered, s.Bad, s.Waiting = 50, 50, 400 })
	stopped := []phase{{3, flood}, {10, flood.with(func(s *Second) { s.Through[Page] = 0 })}}
	lookers := people(10).with(func(s *Second) { s.Vouched[Order], s.Through[Order], s.Bad, s.Solved = 0, 0, 40, 10 })
	noted := *smallShop()
	noted.Announced = 100
	jar := Second{Vouched: [Streams]int{Page: 60}, Through: [Streams]int{Page: 60}, Answered: 60, Bad: 60}
	check(t, map[string]scene{
		"imitators at a shop in health": {usual: smallShop(), phases: []phase{{600, imitators}}},
		"imitators while the shop hangs": {
			usual: smallShop(), phases: []phase{{60, hangs}},
			level: shop.Attack, why: WhySuffers, least: 12, most: 20,
		},
		"the same, but requests in flight at a fast shop with many of them": {
			usual: smallShop(), phases: []phase{{600, imitators.with(func(s *Second) { s.Waiting = 40; s.Through[Page] = 100 })}},
		},
		"imitators while the shop answers errors": {
			usual: smallShop(), phases: []phase{{60, imitators.with(func(s *Second) { s.Bad = 2 })}},
			level: shop.Attack, why: WhySuffers, least: 10, most: 20,
		},
		"a backend that is down, with the usual visitors": {
			usual: smallShop(), phases: []phase{{3600, Second{Strangers: [Streams]int{Page: 1}, Through: [Streams]int{Page: 1}, Assets: 4, Answered: 1, Bad: 1, Distinct: 8}}},
		},
		"people that overload the shop": {
			usual: smallShop(), phases: []phase{{90, people(6)}, {120, crowd}},
			level: shop.Attack, why: WhySuffers, least: 90 + 50, most: 90 + 65,
		},
		"the same, with no more patience than for others": {
			usual: smallShop(), phases: []phase{{90, people(6)}, {120, crowd}}, set: func(s *Settings) { s.PeoplePatience = s.Patience },
			level: shop.Attack, why: WhySuffers, least: 95, most: 105,
		},
		"a flood that level 2 stops, until the shop has answered what came before": {
			usual: smallShop(), phases: stopped,
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 1, most: 1,
		},
		"the same, if what came before every edge knew counts as let through": {
			usual: smallShop(), phases: stopped, set: func(s *Settings) { s.Reach = 0 },
			level: shop.Siege, why: WhyStillHurts, sign: NoAssets, least: 11, most: 11,
		},
		"stamps that were collected, at a shop that bears them": {
			usual: smallShop(), phases: []phase{{600, jar.with(func(s *Second) { s.Bad = 0 })}},
		},
		"stamps that were collected": {
			usual: smallShop(), phases: []phase{{12, jar}},
			level: shop.Attack, why: WhyCollected, sign: NoAssets, least: 10, most: 11,
		},
		"stamps that level 2 and 3 do not stop": {
			usual: smallShop(), phases: []phase{{60, jar}},
			level: shop.Siege, why: WhyStillHurts, sign: NoAssets, least: 19, most: 25,
		},
		"people that look around, are asked, and solve it": {
			usual: smallShop(), phases: []phase{{170, lookers}},
			level: shop.Attack, why: WhySuffers, least: 8, most: 20,
		},
		"the same after three minutes without a cart": {
			usual: smallShop(), phases: []phase{{240, lookers}},
			level: shop.Siege, why: WhyStillHurts, sign: NoCarts, least: 180, most: 200,
		},
		"the same, by visitors that solve one challenge for twenty requests": {
			usual: smallShop(), phases: []phase{{170, lookers.with(func(s *Second) { s.Solved = 2 })}},
			level: shop.Siege, why: WhyStillHurts, sign: NoCarts, least: 45, most: 65,
		},
		"the same crowd, if the shop bears it for a while": {
			usual: smallShop(), phases: []phase{{60, lookers.with(func(s *Second) { s.Bad, s.Solved = 0, 0 })}, {100, lookers}},
			level: shop.Attack, why: WhyUnlike, sign: NoCarts, least: 60, most: 62,
		},
		"the same, if nobody solves then": {
			usual: smallShop(), phases: []phase{{60, lookers.with(func(s *Second) { s.Bad, s.Solved = 0, 0 })}, {100, lookers.with(func(s *Second) { s.Solved = 0 })}},
			level: shop.Siege, why: WhyStillHurts, sign: NoCarts, least: 66, most: 90,
		},
		"people without pictures that solve": {
			usual: smallShop(), phases: []phase{{30, lookers.with(func(s *Second) { s.Assets = 0 })}},
			level: shop.Siege, why: WhyStillHurts, sign: NoAssets, least: 8, most: 20,
		},
		"stamps of visitors that were announced": {usual: &noted, phases: []phase{{12, jar}}},
		"fifteen clients while the shop hangs": {
			usual: smallShop(), phases: []phase{{20, hangs.with(func(s *Second) { s.Distinct = 15 })}}, set: func(s *Settings) { s.Again = 0 },
			level: shop.Attack, why: WhySuffers, least: 12, most: 20,
		},
		"a flood with pictures that takes the shop down": {
			usual: smallShop(), phases: []phase{{10, bare(Page, 400, 4000).with(func(s *Second) { s.Assets, s.Bad = 1600, 400 })}},
			level: shop.Attack, why: WhySuffers, least: 1, most: 2,
		},
		"twice the usual visitors while the shop suffers": {
			usual: bigShop(), phases: []phase{{300, people(12).with(func(s *Second) { s.Bad = 60 })}},
			level: shop.Raised, why: WhyMany, least: 5, most: 20,
		},
		"two short failures with a minute between": {
			usual: smallShop(), phases: []phase{{13, hangs}, {60, imitators}, {13, hangs}},
			level: shop.Raised, why: WhyMany, least: 10, most: 13,
		},
		"the same without the minute": {
			usual: smallShop(), phases: []phase{{26, hangs}},
			level: shop.Attack, why: WhySuffers, least: 14, most: 20,
		},
		"refused by a limit of the whole shop": {
			usual: smallShop(), phases: []phase{{60, imitators.with(func(s *Second) { s.Crowded = 1 })}},
			level: shop.Attack, why: WhySuffers, least: 10, most: 20,
		},
	})
}

// TestSickness: a shop is sick for some seconds after the last sign, and not by numbers that are old.
func TestSickness(t *testing.T) {
	failing := bare(Page, 4, 4).with(func(s *Second) { s.Bad = 4 })
	fine := bare(Page, 1, 1)
	a := newAttacked()
	a.comes(5, failing)
	for after, want := range map[int]bool{5: true, 9: true, 11: false} {
		b := *a
		if v := b.comes(after, fine); v.Sick != want {
			t.Errorf("%d s after the last failure: sick %v, want %v", after, v.Sick, want)
		}
	}
	a = newAttacked()
	a.comes(1, failing)
	a.now += 6
	a.comes(1, fine)
	if v := a.comes(5, fine); v.Sick {
		t.Error("a failure is still counted after seconds that were missed")
	}
}

// TestUsuallyTroubled: what is usual at a shop is no sign that it suffers, and what comes on top
// of it is.
func TestUsuallyTroubled(t *testing.T) {
	polled := func(e *Expected) { e.Held, e.Bad = 20, 0.7 }
	zoned := func(e *Expected) { e.Crowded = 0.5 }
	polls := func(waiting, bad int) Second {
		return people(1).with(func(s *Second) { s.Waiting, s.Bad = waiting, bad })
	}
	refused := func(n int) Second { return people(1).with(func(s *Second) { s.Crowded = n }) }
	for name, c := range map[string]struct {
		usual func(*Expected)
		sec   Second
		sick  bool
	}{
		"twenty long polls":                                {polled, polls(20, 1), false},
		"three times as many":                              {polled, polls(60, 2), false},
		"twenty long polls, where none are usual":          {nil, polls(20, 0), true},
		"late answers, where none are usual":               {nil, polls(0, 2), true},
		"a queue besides the long polls":                   {polled, polls(90, 1), true},
		"bad answers besides those of long polls":          {polled, polls(20, 4), true},
		"some refusals by a zone of the operator":          {zoned, refused(1), false},
		"some refusals, where none are usual":              {nil, refused(1), true},
		"many refusals by a zone that always refuses some": {zoned, refused(5), true},
	} {
		a := newAttacked()
		if c.usual != nil {
			c.usual(a.usual)
		}
		if v := a.comes(10, c.sec); v.Sick != c.sick {
			t.Errorf("%s: sick %v, want %v", name, v.Sick, c.sick)
		}
	}
}

// TestTooFew: of a handful of requests nobody can say how they behave.
func TestTooFew(t *testing.T) {
	check(t, map[string]scene{
		"seven bare requests, if so few were too many": {
			usual: smallShop(), phases: []phase{{1, bare(Page, 7, 30)}}, set: func(s *Settings) { s.Sum, s.Floor[Page], s.BornePart = 1, 1, 0 },
			level: shop.Raised, why: WhyMany, least: 1, most: 1,
		},
	})
	usual, set := smallShop(), Defaults()
	usual.Assets = 0
	for dynamic, want := range map[float64]Sign{99: NoSign, 130: NoCarts} {
		r := run{own: dynamic, dynamic: dynamic, vouched: dynamic, seconds: 50}
		if got := r.unlike(0, usual, &set, true); got != want {
			t.Errorf("%v requests in 50 s without a cart: they %v, want they %v", dynamic, got, want)
		}
	}
}

// TestHidden: clients that bans keep out count, so a ban does not end the level that it needs.
func TestHidden(t *testing.T) {
	set := Defaults()
	for hidden, want := range map[int]shop.Level{0: shop.Raised, 500: shop.Attack} {
		var st State
		now := begin
		flood := bare(Page, 500, 300)
		st.Step(now, &flood, smallShop(), &set)
		var v Verdict
		for range 900 {
			now++
			v = st.Step(now, &Second{Hidden: hidden, Stopped: [Controls]int{ByScrub: hidden}}, smallShop(), &set)
		}
		if v.Level != want {
			t.Errorf("%d hidden a second for 15 min: %v, want %v", hidden, v.Level, want)
		}
	}
}

// TestOwnShare: edges that cannot add up see with smaller floors what is too little for one alone.
func TestOwnShare(t *testing.T) {
	usual := smallShop().Share(4)
	own := bare(Page, 3, 30)
	check(t, map[string]scene{
		"a quarter of a flood, as one of four edges": {
			usual: &usual, phases: []phase{{60, own}}, set: func(s *Settings) { *s = s.Share(4) },
			level: shop.Attack, why: WhyUnlike, sign: NoAssets, least: 15, most: 20,
		},
		"a quarter of a flood, as if that were all": {usual: &usual, phases: []phase{{60, own}}},
	})
	if got := Defaults().Share(100).Floor; got != Defaults().SickFloor {
		t.Errorf("floors of one of 100 edges are %v, want those of a shop that suffers, %v", got, Defaults().SickFloor)
	}
}

// TestSizes: 500 shops must stay below a few megabytes.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(State{}); got >= 1024 {
		t.Errorf("a State has %d bytes, want less than 1024", got)
	}
	if got := unsafe.Sizeof(Baseline{}); got >= 8192 {
		t.Errorf("a Baseline has %d bytes, want less than 8192", got)
	}
}

// TestStepAllocates nothing.
func TestStepAllocates(t *testing.T) {
	set, usual := Defaults(), smallShop()
	var st State
	now := begin
	flood := bare(Page, 500, 300)
	if n := testing.AllocsPerRun(100, func() {
		now++
		st.Step(now, &flood, usual, &set)
	}); n > 0 {
		t.Errorf("Step allocates %v times", n)
	}
}

func BenchmarkStep(b *testing.B) {
	set, usual := Defaults(), smallShop()
	for name, sec := range map[string]Second{"calm": people(1), "attacked": bare(Page, 1000, 1000).with(func(s *Second) { s.Strangers[Search], s.Bad = 1000, 300 })} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var st State
			now := begin
			for b.Loop() {
				now++
				st.Step(now, &sec, usual, &set)
			}
		})
	}
}
