package lease

import (
	"strings"
	"testing"
	"time"
)

// TestState: what an edge is, that long after the question to which the answer was the last.
func TestState(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		value string
		age   time.Duration
		over  bool
		want  State
	}{
		{"7 1 fra/1/ME", 0, false, State{Leading, "fra/1", 7}},
		{"7 1 fra/1/ME", holds - 1, false, State{Leading, "fra/1", 7}},
		{"7 1 fra/1/ME", holds, false, State{Following, "", 0}},
		{"7 1 fra/1/ME", life, false, State{}},
		{"7 1 fra/1/ME", 0, true, State{}},
		{"7 1 fra/1/OTHER", holds, false, State{Following, "fra/1", 7}},
		{"7 1 fra/1/OTHER", life, false, State{}},
		{"7 2 ", 0, false, State{Following, "", 7}},
		{"", 0, false, State{Following, "", 0}},
		{"nonsense", 0, false, State{Following, "", 0}},
	} {
		s := parse(c.value)
		s.asked = now
		if got := s.state(now.Add(c.age), "fra/1/ME", c.over); got != c.want {
			t.Errorf("%q after %s: %+v, want %+v", c.value, c.age, got, c.want)
		}
	}
	if got := (&standing{}).state(now, "fra/1/ME", false); got != (State{}) {
		t.Errorf("before anything was asked: %+v", got)
	}
}

// TestMargin: a leader stops before another edge may take over, also if the store has
// forgotten a renewal, and has time for two tries to renew.
func TestMargin(t *testing.T) {
	if life-holds <= every || holds < 2*every {
		t.Errorf("it leads for %s, another one waits for %s, renewals come each %s", holds, life, every)
	}
}

// TestOneProcess: without a tier this edge leads, until it closes.
func TestOneProcess(t *testing.T) {
	l := New(nil)
	one := l.Lead("watch")
	if got := one.State(); got.Role != Leading || got.Token == 0 {
		t.Errorf("%+v", got)
	}
	one.Close()
	one.Close()
	l.Close()
	if got := one.State(); got != (State{}) {
		t.Errorf("after Close: %+v", got)
	}
}

// FuzzLease reads what others may write to the store: this edge leads by its own lease only.
func FuzzLease(f *testing.F) {
	f.Add("7 1 fra/1/ME")
	f.Add("7 2 ")
	f.Add("99999999999999999999 1 fra/1/ME")
	f.Fuzz(func(t *testing.T, value string) {
		s := parse(value)
		s.asked = time.Unix(1_800_000_000, 0)
		is := s.state(s.asked, "fra/1/ME", false)
		if ends := strings.HasSuffix(value, " fra/1/ME"); is.Role == Alone || is.Role == Leading && !ends {
			t.Fatalf("by %q this edge is %+v", value, is)
		}
	})
}
