package watch

import "testing"

// TestWords: one sentence for each reason, with its figures.
func TestWords(t *testing.T) {
	jar := Second{Vouched: [Streams]int{Page: 60}, Through: [Streams]int{Page: 60}, Answered: 60, Bad: 60}
	for name, c := range map[string]struct {
		phases []phase
		want   string
	}{
		"calm": {[]phase{{1, people(1)}}, "1 stranger/s (page, usual 0.06, allowed 5)"},
		"people": {
			[]phase{{60, people(6)}},
			"6 strangers/s (page, usual 0.06, allowed 5) from 60 clients, 4 assets a request: more than usual, but they behave like people",
		},
		"few": {
			[]phase{{60, bare(Page, 95, 5)}},
			"95 strangers/s (page, usual 0.06, allowed 5) from 5 clients, 0 assets a request: few clients, which the limits of single clients stop",
		},
		"one client": {
			[]phase{{60, bare(Page, 95, 1)}},
			"95 strangers/s (page, usual 0.06, allowed 5) from 1 client, 0 assets a request: few clients, which the limits of single clients stop",
		},
		"flood": {
			[]phase{{3, bare(Page, 2140, 1130)}},
			"2,140 strangers/s (page, usual 0.06, allowed 5) from 1,130 clients, 0 assets a request: unlike browsers, they load no assets",
		},
		"suffers": {
			[]phase{{20, bare(Page, 3, 30).with(func(s *Second) { s.Assets, s.Bad = 12, 3 })}},
			"3 strangers/s (page, usual 0.06, allowed 1) from 30 clients, 4 assets a request: the shop suffers from them",
		},
		"collected": {[]phase{{10, jar}}, "the shop suffers from visitors with time stamps that load no assets, unlike browsers"},
		"still":     {[]phase{{60, jar}}, "the shop still suffers from what is let through: visitors that load no assets"},
		"held": {
			[]phase{{3, bare(Page, 2140, 1130)}, {300, Second{}}},
			"no sign of attack for 5 min; if none comes, level 2 ends in 5 min",
		},
	} {
		a := newAttacked()
		var v Verdict
		for _, p := range c.phases {
			v = a.comes(p.seconds, p.sec)
		}
		if got := v.Words(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestReasonsHaveNames of their own.
func TestReasonsHaveNames(t *testing.T) {
	known := map[string]bool{}
	for w := range Whys {
		name := Why(w).String()
		if name == "" || known[name] {
			t.Errorf("%q is not a name of its own", name)
		}
		known[name] = true
	}
	clear(known)
	for s := range int(signs) {
		name := Sign(s).String()
		if name == "" || known[name] {
			t.Errorf("%q is not a sign of its own", name)
		}
		known[name] = true
	}
}

// TestVectorOf: floods of requests are named by what is done about them.
func TestVectorOf(t *testing.T) {
	for want, c := range map[Vector]Composition{
		GetFlood:      {Stream: Page, Search: 0.1},
		SearchFlood:   {Stream: Page, Search: 0.9},
		LoginGuessing: {Stream: Account, Search: 0.9},
		CheckoutSpam:  {Stream: Order},
		FewClients:    {Stream: Account, Few: true},
		SolverBots:    {Stream: Page, Passes: true, Solved: 0.9},
		StampedBots:   {Stream: Page, Passes: true, Solved: 0.1},
	} {
		if got := VectorOf(c); got != want {
			t.Errorf("%+v is %v, want %v", c, got, want)
		}
	}
}
