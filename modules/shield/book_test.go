package shield

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// news is a ban as the store tells of it.
func news(key byte, at shop.ID, lifted bool) ban.Event {
	e := ban.Event{Ban: ban.Ban{Key: netkey.Key{key}, Shop: at, Until: time.Now().Add(time.Hour)}}
	if lifted {
		e.Kind = ban.Lifted
	}
	return e
}

// TestBookCounts bans by their reach, whatever order news come in.
func TestBookCounts(t *testing.T) {
	b := newBook()
	for i, step := range []struct {
		news      ban.Event
		all, some int64
	}{
		{news(1, "", true), 0, 0}, // one that was never heard of
		{news(1, "", false), 1, 0},
		{news(1, "", false), 1, 0}, // again: it goes on
		{news(1, "loewen", false), 1, 1},
		{news(2, "loewen", false), 1, 2},
		{news(1, "", true), 0, 2},
		{news(1, "", true), 0, 2},
		{news(1, "loewen", true), 0, 1},
		{news(2, "loewen", true), 0, 0},
	} {
		b.learn(step.news)
		if b.all.Load() != step.all || b.some.Load() != step.some {
			t.Errorf("step %d: %d for all shops and %d for one, want %d and %d", i, b.all.Load(), b.some.Load(), step.all, step.some)
		}
	}
	if len(b.known) != 0 {
		t.Errorf("%d keys stay", len(b.known))
	}
}

// TestBookForgetsAddresses when their last ban ends, and keeps none of who is
// not banned.
func TestBookForgetsAddresses(t *testing.T) {
	b, home := newBook(), source(1)
	if b.meet(netkey.Key{1}, home) {
		t.Error("it notes somebody who is not banned")
	}
	b.learn(news(1, "", false))
	b.learn(news(1, "loewen", false))
	if !b.meet(netkey.Key{1}, home) || b.meet(netkey.Key{1}, home) {
		t.Error("who is met is news once")
	}
	if bans := b.inForce(); len(bans) != 1 {
		t.Errorf("in force is %v", bans)
	}
	b.learn(news(1, "", true))
	if _, ok := b.whose(netkey.Key{1}); !ok || len(b.inForce()) != 0 {
		t.Error("one of two bans has ended: the address is still needed, and no verdict")
	}
	b.learn(news(1, "loewen", true))
	if _, ok := b.whose(netkey.Key{1}); ok {
		t.Error("it keeps the address of somebody who is banned no more")
	}
}

// TestSilenceIsRefusal: what the store does not confirm was refused, and what it
// confirms was not.
func TestSilenceIsRefusal(t *testing.T) {
	b, now := newBook(), time.Now()
	ask := func(key byte, at time.Time) []charge {
		return b.ask(&charge{addr: netip.MustParseAddr("192.0.2.1"), ban: ban.Ban{Key: netkey.Key{key}, Told: at}})
	}
	ask(1, now)
	ask(2, now)
	if _, met, answers := b.learn(news(1, "", false)); !met || answers == nil {
		t.Error("news of a ban that was asked for answer nothing")
	}
	if refused := ask(3, now.Add(answerWithin)); len(refused) != 0 {
		t.Errorf("refused too soon: %v", refused)
	}
	refused := ask(4, now.Add(answerWithin+time.Millisecond))
	if len(refused) != 1 || refused[0].ban.Key != (netkey.Key{2}) {
		t.Errorf("refused are %v, want the second", refused)
	}
	if _, met := b.whose(netkey.Key{2}); met {
		t.Error("it keeps the address of who was not banned")
	}
}

// TestNotesAreBounded: the last ones stay.
func TestNotesAreBounded(t *testing.T) {
	b := newBook()
	for n := range 3 * maxNotes {
		b.note(Note{Rule: strings.Repeat("x", n)})
	}
	notes := b.noted()
	if len(notes) != maxNotes || len(notes[maxNotes-1].Rule) != 3*maxNotes-1 {
		t.Errorf("%d notes, the last one %+v", len(notes), notes[len(notes)-1])
	}
}
