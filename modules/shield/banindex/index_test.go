package banindex

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// home is the client whose bans the tests are about.
var home = netip.MustParsePrefix("192.0.2.1/32")

// event is a change of a ban as the store reports it.
func event(key byte, at shop.ID, lifted bool) ban.Event {
	e := ban.Event{Ban: ban.Ban{Key: netkey.Key{key}, Shop: at, Until: time.Now().Add(time.Hour)}}
	if lifted {
		e.Kind = ban.Lifted
	}
	return e
}

// TestIndexCountsBans by their reach, whatever the order of events.
func TestIndexCountsBans(t *testing.T) {
	b := New()
	for i, step := range []struct {
		event     ban.Event
		all, some int64
	}{
		{event(1, "", true), 0, 0}, // one that was not known
		{event(1, "", false), 1, 0},
		{event(1, "", false), 1, 0}, // again: it goes on
		{event(1, "loewen", false), 1, 1},
		{event(2, "loewen", false), 1, 2},
		{event(1, "", true), 0, 2},
		{event(1, "", true), 0, 2},
		{event(1, "loewen", true), 0, 1},
		{event(2, "loewen", true), 0, 0},
	} {
		b.Apply(step.event)
		if b.All.Load() != step.all || b.Some.Load() != step.some {
			t.Errorf("step %d: %d for all shops and %d for one, want %d and %d", i, b.All.Load(), b.Some.Load(), step.all, step.some)
		}
	}
	if len(b.bans) != 0 {
		t.Errorf("%d keys stay", len(b.bans))
	}
}

// TestIndexForgetsAddresses when their last ban ends, and keeps none of clients
// that are not banned.
func TestIndexForgetsAddresses(t *testing.T) {
	b := New()
	if b.Meet(netkey.Key{1}, home) {
		t.Error("it notes a client that is not banned")
	}
	b.Apply(event(1, "", false))
	b.Apply(event(1, "loewen", false))
	if !b.Meet(netkey.Key{1}, home) || b.Meet(netkey.Key{1}, home) {
		t.Error("a client is new once")
	}
	if bans := b.InForce(); len(bans) != 1 {
		t.Errorf("in force is %v", bans)
	}
	b.Apply(event(1, "", true))
	if _, ok := b.PrefixOf(netkey.Key{1}); !ok || len(b.InForce()) != 0 {
		t.Error("one of two bans has ended: the address is still needed, and nothing is pushed")
	}
	b.Apply(event(1, "loewen", true))
	if _, ok := b.PrefixOf(netkey.Key{1}); ok {
		t.Error("it keeps the address of an unbanned client")
	}
}

// TestIndexMatchesAnswers: each request is answered once, by the event that sets
// or refuses it, and a refused client's address is forgotten.
func TestIndexMatchesAnswers(t *testing.T) {
	now := time.Now()
	ask := func(b *Index, key byte, at time.Time) {
		b.Request(Pending{Client: home, Ban: ban.Ban{Key: netkey.Key{key}, Told: at}})
	}
	of := func(kind ban.EventKind, at shop.ID, told time.Time) ban.Event {
		return ban.Event{Ban: ban.Ban{Key: netkey.Key{1}, Shop: at, Told: told, Until: now.Add(time.Hour)}, Kind: kind}
	}
	for what, step := range map[string]struct {
		event               ban.Event
		wantMet, wantAnswer bool
		keeps               bool // the address
	}{
		"set":                               {of(ban.Set, "", now), true, true, true},
		"refused":                           {of(ban.Refused, "", now), true, true, false},
		"set at another shop":               {of(ban.Set, "loewen", now), true, false, true},
		"refused at another shop":           {of(ban.Refused, "loewen", now), true, false, true},
		"lifted before it was heard of":     {of(ban.Lifted, "", now), true, true, false},
		"an older ban ends in the meantime": {of(ban.Expired, "", now.Add(-time.Minute)), true, false, true},
	} {
		b := New()
		ask(b, 1, now)
		_, met, answered := b.Apply(step.event)
		if met != step.wantMet || (answered != nil) != step.wantAnswer {
			t.Errorf("%s: met %v, answers %v", what, met, answered != nil)
		}
		if _, _, again := b.Apply(step.event); again != nil && step.wantAnswer {
			t.Errorf("%s: answers twice", what)
		}
		if _, keeps := b.PrefixOf(netkey.Key{1}); keeps != step.keeps {
			t.Errorf("%s: keeps the address: %v", what, keeps)
		}
	}
}

// TestPendingIsBounded: requests without an answer make room after a minute.
func TestPendingIsBounded(t *testing.T) {
	b, now := New(), time.Now()
	ask := func(n int, at time.Time) {
		b.Request(Pending{Client: home, Ban: ban.Ban{Key: netkey.Key{byte(n), byte(n >> 8)}, Told: at}})
	}
	for n := range maxPending + 10 {
		ask(n, now)
	}
	if len(b.pending) != maxPending || len(b.prefix) != maxPending {
		t.Errorf("%d requests and %d addresses are kept, want %d", len(b.pending), len(b.prefix), maxPending)
	}
	ask(2*maxPending, now.Add(forgetPending+time.Second))
	if len(b.pending) != 1 || len(b.prefix) != 1 {
		t.Errorf("%d requests and %d addresses are kept, want the last", len(b.pending), len(b.prefix))
	}
}

// TestNotesAreBounded: the last ones stay.
func TestNotesAreBounded(t *testing.T) {
	b := New()
	for n := range 3 * maxNotes {
		b.Note(Note{Rule: strings.Repeat("x", n)})
	}
	notes := b.Notes()
	if len(notes) != maxNotes || len(notes[maxNotes-1].Rule) != 3*maxNotes-1 {
		t.Errorf("%d notes, the last one %+v", len(notes), notes[len(notes)-1])
	}
}
