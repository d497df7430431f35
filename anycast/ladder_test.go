package anycast

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var attacked = netip.MustParseAddr("203.0.113.3")

func proof(at time.Time) []Evidence {
	return []Evidence{{At: at, PacketsPerSecond: 2e6, BitsPerSecond: 9e9, From: "uplink"}}
}

// shopAt is a shop that an address has.
func shopAt(t *testing.T, addr netip.Addr) string {
	t.Helper()
	for _, shop := range shops(100) {
		if slices.Contains(AddressesOf(shop, eight()), addr) {
			return shop
		}
	}
	t.Fatal("no shop has the address")
	return ""
}

// limited asks for a FlowSpec rule with a rate.
func limited(now time.Time, addr netip.Addr) Escalation {
	return Escalation{Remedy: FlowSpec, Address: addr, Rule: &Rule{Protocol: 17, SourcePort: 123, Rate: 1e6}, By: []string{"anna"}, Evidence: proof(now)}
}

// climb has a ladder up to black holes of some addresses, and returns the time.
func climb(t *testing.T, l *Ladder, now time.Time, addrs ...netip.Addr) time.Time {
	t.Helper()
	ask := func(s Escalation) {
		t.Helper()
		if _, err := l.Ask(now, s); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range addrs {
		ask(limited(now, addr))
	}
	now = now.Add(Settle)
	for _, addr := range addrs {
		ask(Escalation{Remedy: Move, Address: addr, Shop: shopAt(t, addr), By: []string{"anna"}, Evidence: proof(now)})
	}
	return now.Add(Settle)
}

func hole(now time.Time, addr netip.Addr) Escalation {
	return Escalation{Remedy: Blackhole, Address: addr, By: []string{"anna"}, Evidence: proof(now)}
}

func TestLadderIsClimbedRungByRung(t *testing.T) {
	l := NewLadder(eight())
	now := climb(t, l, began, attacked)
	asked, err := l.Ask(now, hole(now, attacked))
	if err != nil || asked.InForce(now) || !asked.Until.Equal(now.Add(SecondWait)) {
		t.Fatalf("a black hole: %+v, %v; it waits for a second person for %v", asked, err, SecondWait)
	}
	if _, err := l.Confirm(now, asked.ID, "anna"); err == nil {
		t.Fatal("one person did for two")
	}
	got, err := l.Confirm(now, asked.ID, "ben")
	if err != nil || !got.InForce(now) || !got.Until.Equal(now.Add(15*time.Minute)) || len(got.By) != 2 {
		t.Fatalf("confirmed: %+v, %v; it is in force for 15 min", got, err)
	}
	if _, err := l.Confirm(now, asked.ID, "carla"); err == nil {
		t.Error("it was confirmed twice")
	}
	own := netip.MustParsePrefix("203.0.113.3/32")
	a := Announce(now, Announced, []netip.Prefix{own, netip.MustParsePrefix("203.0.113.4/32")}, l)
	if len(a.Rules) != 1 || a.Rules[0].Destination != attacked || len(a.Routes) != 2 || !slices.Contains(a.Routes, Route{own, true}) || slices.Contains(a.Routes, Route{own, false}) {
		t.Errorf("announced are %+v", a)
	}
	if a := Announce(now, Drained, []netip.Prefix{own}, l); len(a.Routes) != 1 || !a.Routes[0].Blackhole {
		t.Errorf("an edge without routes announces %+v; the black hole stays", a)
	}
	end := now.Add(15 * time.Minute)
	if a := Announce(end, Announced, []netip.Prefix{own}, l); !slices.Equal(a.Routes, []Route{{own, false}}) {
		t.Errorf("after the end of the black hole %+v is announced", a)
	}
	if s, err := l.End(end, 1); err != nil || s.Remedy != FlowSpec {
		t.Errorf("ending the rule: %+v, %v", s, err)
	}
	if _, err := l.End(end, 1); err == nil {
		t.Error("what has ended was ended once more")
	}
}

func TestRenewedOnNewEvidenceOnly(t *testing.T) {
	l := NewLadder(eight())
	if _, err := l.Ask(began, limited(began, attacked)); err != nil {
		t.Fatal(err)
	}
	now := began.Add(50 * time.Minute)
	for name, p := range map[string]Evidence{"old": proof(began)[0], "of nothing": {At: now}} {
		if _, err := l.Renew(now, 1, p); err == nil {
			t.Errorf("evidence %s renews", name)
		}
	}
	s, err := l.Renew(now, 1, proof(now)[0])
	if err != nil || !s.Until.Equal(now.Add(time.Hour)) {
		t.Fatalf("renewed: %+v, %v", s, err)
	}
	if _, err := l.Renew(now.Add(time.Second), 1, proof(now)[0]); err == nil {
		t.Error("the same evidence renews twice")
	}
	for range 3 * mostEvidence {
		now = now.Add(time.Second)
		if s, err = l.Renew(now, 1, proof(now)[0]); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Evidence) > mostEvidence || !s.Evidence[0].At.Equal(began) {
		t.Errorf("%d pieces of evidence, the first of %v", len(s.Evidence), s.Evidence[0].At)
	}
	if all := l.All(now.Add(time.Hour)); len(all) != 0 {
		t.Errorf("after its end there is %+v", all)
	}
	if _, err := l.Renew(now.Add(time.Hour), 1, proof(now.Add(time.Hour))[0]); err == nil {
		t.Error("what has ended was renewed")
	}
}

func TestLadderRefuses(t *testing.T) {
	other := netip.MustParseAddr("203.0.113.5")
	third := netip.MustParseAddr("203.0.113.6")
	cases := map[string]struct {
		before func(*Ladder, time.Time) time.Time
		ask    func(now time.Time) Escalation
		want   string
	}{
		"an unknown remedy": {nil, func(now time.Time) Escalation { return Escalation{Remedy: "pray"} }, "unrecognized remedy"},
		"without a person":  {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.By = nil; return s }, "nobody asks"},
		"foreign addresses": {nil, func(now time.Time) Escalation { return limited(now, netip.MustParseAddr("192.0.2.1")) }, "not an address of this tier"},
		"without evidence":  {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.Evidence = nil; return s }, "needs evidence"},
		"old evidence":      {nil, func(now time.Time) Escalation { return limited(now.Add(-2*time.Minute), attacked) }, "2m0s old"},
		"evidence to come":  {nil, func(now time.Time) Escalation { return limited(now.Add(2*time.Minute), attacked) }, "of the future"},
		"evidence of NaN": {nil, func(now time.Time) Escalation {
			s := limited(now, attacked)
			s.Evidence[0].BitsPerSecond = math.NaN()
			return s
		}, "not a rate"},
		"a rule without":    {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule = nil; return s }, "needs a rule"},
		"a rule for all":    {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule = &Rule{Rate: 5}; return s }, "a protocol or a port"},
		"a rate below zero": {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule.Rate = -1; return s }, "not a rate"},
		"two families": {nil, func(now time.Time) Escalation {
			s := limited(now, attacked)
			s.Rule.Source = netip.MustParsePrefix("2001:db8::/32")
			return s
		}, "not of one family"},
		"bits too many": {nil, func(now time.Time) Escalation {
			s := limited(now, attacked)
			s.Rule.Source = netip.MustParsePrefix("192.0.2.1/24")
			return s
		}, "bits below"},
		"a discard at first": {nil, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule.Rate = 0; return s }, "a rate before a discard"},
		"a discard after another rate": {func(l *Ladder, now time.Time) time.Time {
			_, _ = l.Ask(now, limited(now, attacked))
			return now.Add(Settle)
		}, func(now time.Time) Escalation {
			s := limited(now, attacked)
			s.Rule = &Rule{Protocol: 17, SourcePort: 53}
			return s
		}, "a rate before a discard"},
		"a discard too early": {func(l *Ladder, now time.Time) time.Time {
			_, _ = l.Ask(now, limited(now, attacked))
			return now.Add(Settle - time.Second)
		}, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule.Rate = 0; return s }, "a rate before a discard"},
		"the same twice": {func(l *Ladder, now time.Time) time.Time {
			_, _ = l.Ask(now, limited(now, attacked))
			return now
		}, func(now time.Time) Escalation { return limited(now, attacked) }, "already"},
		"a ninth rule": {func(l *Ladder, now time.Time) time.Time {
			for _, addr := range eight() {
				_, _ = l.Ask(now, limited(now, addr))
			}
			return now
		}, func(now time.Time) Escalation { s := limited(now, attacked); s.Rule.SourcePort = 53; return s }, "8 are in force"},
		"a move at first": {nil, func(now time.Time) Escalation {
			return Escalation{Remedy: Move, Address: attacked, Shop: shopAt(t, attacked), By: []string{"anna"}, Evidence: proof(now)}
		}, "flowspec did not help"},
		"a move of a shop that is elsewhere": {nil, func(now time.Time) Escalation {
			return Escalation{Remedy: Move, Address: attacked, Shop: "shop-x1", By: []string{"anna"}, Evidence: proof(now)}
		}, "is not at"},
		"a black hole at first": {nil, func(now time.Time) Escalation { return hole(now, attacked) }, "move did not help"},
		"a black hole of another address": {
			func(l *Ladder, now time.Time) time.Time { return climb(t, l, now, attacked) },
			func(now time.Time) Escalation { return hole(now, other) }, "move did not help",
		},
		"a third black hole": {func(l *Ladder, now time.Time) time.Time {
			now = climb(t, l, now, attacked, other, third)
			_, _ = l.Ask(now, hole(now, attacked))
			_, _ = l.Ask(now, hole(now, other))
			return now
		}, func(now time.Time) Escalation { return hole(now, third) }, "2 are in force or waiting"},
		"to leave at first": {nil, func(now time.Time) Escalation {
			return Escalation{Remedy: Leave, By: []string{"anna"}, Evidence: proof(now)}
		}, "blackhole did not help"},
		"to leave while the black hole waits": {func(l *Ladder, now time.Time) time.Time {
			now = climb(t, l, now, attacked)
			_, _ = l.Ask(now, hole(now, attacked))
			return now.Add(Settle)
		}, func(now time.Time) Escalation {
			return Escalation{Remedy: Leave, By: []string{"anna"}, Evidence: proof(now)}
		}, "blackhole did not help"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l, now := NewLadder(eight()), began
			if c.before != nil {
				now = c.before(l, now)
			}
			if _, err := l.Ask(now, c.ask(now)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v; want %q", err, c.want)
			}
		})
	}
}

func TestADiscardReplacesItsRate(t *testing.T) {
	l := NewLadder(eight())
	if _, err := l.Ask(began, limited(began, attacked)); err != nil {
		t.Fatal(err)
	}
	now := began.Add(Settle)
	discard := limited(now, attacked)
	discard.Rule.Rate = 0
	if _, err := l.Ask(now, discard); err != nil {
		t.Fatal(err)
	}
	if a := Announce(now, Announced, nil, l); len(a.Rules) != 1 || a.Rules[0].Rate != 0 {
		t.Errorf("announced are %+v; want the discard alone", a.Rules)
	}
}

func TestRemediesThatUplinksDoNotOffer(t *testing.T) {
	l := NewLadder(eight(), FlowSpec)
	if _, err := l.Ask(began, limited(began, attacked)); err == nil || !strings.Contains(err.Error(), "do not offer") {
		t.Errorf("a rule without FlowSpec: %v", err)
	}
	move := Escalation{Remedy: Move, Address: attacked, Shop: shopAt(t, attacked), By: []string{"anna"}, Evidence: proof(began)}
	if _, err := l.Ask(began, move); err != nil {
		t.Errorf("without FlowSpec, the scrubber is what is below a move: %v", err)
	}
}

func TestMayLeaveOnlyWithHeadroom(t *testing.T) {
	free := func(state State, load, capacity float64) Fact {
		return Fact{State: state, Load: load, Capacity: capacity}
	}
	cases := map[string]struct {
		load   float64
		others map[string]Fact
		may    bool
	}{
		"enough":                     {10, map[string]Fact{"b": free(Announced, 2, 12), "c": free(Announced, 5, 10)}, true},
		"not quite enough":           {10, map[string]Fact{"b": free(Announced, 2, 12), "c": free(Announced, 5.1, 10)}, false},
		"an edge that leaves itself": {10, map[string]Fact{"b": free(Leaving, 0, 100)}, false},
		"others of unknown capacity": {10, map[string]Fact{"b": free(Announced, 0, 0)}, false},
		"one that is over its head":  {10, map[string]Fact{"b": free(Announced, 90, 10), "c": free(Announced, 0, 15)}, true},
		"nobody else":                {10, nil, false},
		"what arrives is not known":  {0, map[string]Fact{"b": free(Announced, 0, 100)}, false},
	}
	for name, c := range cases {
		if err := MayLeave(c.load, c.others); (err == nil) != c.may {
			t.Errorf("%s: %v", name, err)
		}
	}
}
