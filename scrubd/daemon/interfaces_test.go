//go:build linux

package daemon

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/pinset"
)

// A switchboard has the interfaces that a test says there are.
type switchboard struct {
	*interfaces
	there   []net.Interface
	on      map[int]string // to which the program is attached
	refuses error
	tries   int
	lines   bytes.Buffer
	now     time.Time
}

// newSwitchboard has eth0, attached, and eth1, which is missing.
func newSwitchboard() *switchboard {
	s := &switchboard{now: time.Now(), on: map[int]string{2: "eth0"}, there: []net.Interface{{Index: 2, Name: "eth0"}}}
	s.interfaces = newInterfaces(slog.New(slog.NewTextHandler(&s.lines, nil)), []string{"eth0", "eth1"}, []pinset.Attachment{{Interface: "eth0", Index: 2}})
	s.attach = func(name string) (pinset.Attachment, error) {
		s.tries++
		index := indexOf(name, s.there)
		if s.refuses != nil || index == 0 {
			return pinset.Attachment{}, errors.Join(s.refuses, errors.New("not attached"))
		}
		s.on[index] = name
		return pinset.Attachment{Interface: name, Index: index, Native: true}, nil
	}
	s.live = func() map[int]string {
		live := make(map[int]string)
		for _, one := range s.there {
			if s.on[one.Index] != "" {
				live[one.Index] = one.Name
			}
		}
		return live
	}
	return s
}

// next has these interfaces be there, some time later.
func (s *switchboard) next(later time.Duration, there ...net.Interface) {
	for index := range s.on {
		if !containsIndex(there, index) {
			delete(s.on, index) // the kernel takes it off
		}
	}
	s.there, s.now = there, s.now.Add(later)
	s.compare(s.now, there)
}

func containsIndex(all []net.Interface, index int) bool {
	for _, one := range all {
		if one.Index == index {
			return true
		}
	}
	return false
}

func link(index int, name string) net.Interface { return net.Interface{Index: index, Name: name} }

// stateOf is the state of an interface of the policy file.
func (s *switchboard) stateOf(name string) attachState {
	for _, w := range s.wanted {
		if w.name == name {
			return w.state
		}
	}
	return notLooked
}

func TestInterfacesAreCompared(t *testing.T) {
	for about, c := range map[string]struct {
		do        func(s *switchboard)
		zero, one attachState
		tries     int
	}{
		"one is missing":              {func(s *switchboard) { s.next(0, link(2, "eth0")) }, isAttached, isMissing, 0},
		"it comes":                    {func(s *switchboard) { s.next(0, link(2, "eth0"), link(3, "eth1")) }, isAttached, isAttached, 1},
		"one is made again":           {func(s *switchboard) { s.next(0); s.next(0, link(9, "eth0")) }, isAttached, isMissing, 1},
		"without that it was missed":  {func(s *switchboard) { s.next(0, link(9, "eth0")) }, isAttached, isMissing, 1},
		"with the same index":         {func(s *switchboard) { s.next(0); s.next(0, link(2, "eth0")) }, isAttached, isMissing, 1},
		"and only the kernel said so": {func(s *switchboard) { delete(s.on, 2); s.deleted(2); s.next(0, link(2, "eth0")) }, isAttached, isMissing, 1},
		"it is renamed":               {func(s *switchboard) { s.next(0, link(2, "wan0")) }, isRenamed, isMissing, 0},
		"renamed, and made again":     {func(s *switchboard) { s.next(0, link(2, "wan0")); s.next(0); s.next(0, link(7, "wan0")) }, isAttached, isMissing, 1},
		"renamed, and another one takes its name": {func(s *switchboard) {
			s.next(0, link(2, "wan0"))
			s.next(0, link(2, "wan0"), link(7, "eth0"))
		}, isAttached, isMissing, 1},
		"two change names":               {func(s *switchboard) { s.next(0, link(2, "eth1"), link(3, "eth0")) }, isAttached, isAttached, 1},
		"it comes back with the program": {func(s *switchboard) { s.next(0); s.on[8] = "eth0"; s.next(0, link(8, "eth0")) }, isAttached, isMissing, 0},
		"it is taken off":                {func(s *switchboard) { delete(s.on, 2); s.next(0, link(2, "eth0")) }, isDetached, isMissing, 0},
		"and is not put back":            {func(s *switchboard) { delete(s.on, 2); s.next(0, link(2, "eth0")); s.next(time.Hour, link(2, "eth0")) }, isDetached, isMissing, 0},
	} {
		s := newSwitchboard()
		c.do(s)
		if zero, one := s.stateOf("eth0"), s.stateOf("eth1"); zero != c.zero || one != c.one || s.tries != c.tries {
			t.Errorf("%s: eth0 is %d, eth1 %d after %d tries, want %d, %d after %d\n%s", about, zero, one, s.tries, c.zero, c.one, c.tries, &s.lines)
		}
	}
}

// TestFlappingInterface: tries and log lines are bounded, whether an interface flaps or
// refuses the program, and it is attached within 5 s of the last change.
func TestFlappingInterface(t *testing.T) {
	s := newSwitchboard()
	for n := range 600 { // a minute
		s.next(50*time.Millisecond, link(2, "eth0"))
		s.next(50*time.Millisecond, link(2, "eth0"), link(10+n, "eth1"))
	}
	if s.tries > 3+60/4+1 || s.tries < 60/4 {
		t.Errorf("one that flaps is tried %d times in a minute", s.tries)
	}
	if lines := strings.Count(s.lines.String(), "\n"); lines > 3*s.tries {
		t.Errorf("%d lines for %d tries", lines, s.tries)
	}
	if len(s.known) > 2 {
		t.Errorf("%d interfaces are remembered", len(s.known))
	}
	last := link(999, "eth1")
	for range 5 {
		s.next(time.Second, link(2, "eth0"), last)
	}
	if s.stateOf("eth1") != isAttached {
		t.Errorf("5 s after the last change it is not attached:\n%s", &s.lines)
	}

	s = newSwitchboard()
	s.refuses = errors.New("another program is there")
	for range 600 {
		s.next(100*time.Millisecond, link(2, "eth0"), link(3, "eth1"))
	}
	if n := strings.Count(s.lines.String(), "cannot attach"); s.tries > 3+60/4+1 || n != 1 {
		t.Errorf("one that refuses is tried %d times in a minute, and that is logged %d times", s.tries, n)
	}
	s.refuses = nil
	s.next(attachEvery, link(2, "eth0"), link(3, "eth1"))
	if s.stateOf("eth1") != isAttached {
		t.Error("it is not attached once it can be")
	}
}
