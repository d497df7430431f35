//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// manyPolicies names so many policies, each of one address, from p<first> on.
func manyPolicies(first, n int) string {
	var text strings.Builder
	text.WriteString("policies:\n")
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&text, "- {name: p%d, protect: [10.%d.%d.1]}\n", i, i>>8, i&255)
	}
	return text.String()
}

// manyNets protects so many prefixes that begin with the number.
func manyNets(name string, first, n int) string {
	return fmt.Sprintf("policies: [{name: %s, protect: [%s]}]\n", name, strings.Join(prefixes(first, n), ", "))
}

// prefixes are so many that begin with the number.
func prefixes(first, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%d.%d.%d.0/24", first, i>>8, i&255))
	}
	return all
}

func apply(t *testing.T, s *Scrubber, policy string) error {
	t.Helper()
	c, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	return s.Apply(c)
}

// standing is what a file that is refused must not change.
type standing struct {
	settings kernelConfig
	policies []string
	tunnels  []Tunnel
	nets     int
	lists    [2]int
}

func stands(t *testing.T, s *Scrubber) (now standing) {
	t.Helper()
	var err error
	if now.settings, err = s.settings(); err != nil {
		t.Fatal(err)
	}
	nets, err := prefixmap.List(s.objects.Nets4)
	if err != nil {
		t.Fatal(err)
	}
	now.policies = append(now.policies, s.policies...)
	now.tunnels = append(now.tunnels, s.tunnels...)
	now.nets, now.lists = len(nets), [2]int{len(s.allow.entries), len(s.deny.entries)}
	return now
}

// TestWhatHasNoRoomChangesNothing: a file that does not fit is refused before the
// first packet meets any of it, and what is in force can be changed further.
func TestWhatHasNoRoomChangesNothing(t *testing.T) {
	for name, test := range map[string]struct{ before, refused, after string }{
		"policies": {manyPolicies(0, 300), manyPolicies(1000, 300), manyPolicies(0, 511)},
		"prefixes": {manyNets("old", 10, 900), manyNets("new", 20, 900), manyNets("old", 10, 1024)},
		"allow": {
			manyNets("old", 10, 1), manyNets("new", 20, 1) + "allow: [" + strings.Join(prefixes(30, maxAllowed+1), ", ") + "]",
			manyNets("old", 10, 1) + "allow: [" + strings.Join(prefixes(30, maxAllowed), ", ") + "]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := loaded(t, test.before)
			before := stands(t, s)
			if err := apply(t, s, test.refused); err == nil {
				t.Fatal("it is in force")
			}
			if after := stands(t, s); !reflect.DeepEqual(after, before) {
				t.Errorf("bank %d and %d prefixes before, bank %d and %d after it was refused; policies %.80q",
					before.settings.Bank, before.nets, after.settings.Bank, after.nets, after.policies)
			}
			if err := apply(t, s, test.after); err != nil {
				t.Errorf("what fits beside what is in force: %v", err)
			}
		})
	}
}

// TestFullListGivesWay: one full list takes the other's place, except where others
// have taken the room.
func TestFullListGivesWay(t *testing.T) {
	s := loaded(t, "allow: ["+strings.Join(prefixes(30, maxAllowed), ", ")+"]")
	next := "allow: [" + strings.Join(prefixes(40, maxAllowed), ", ") + "]"
	if err := apply(t, s, next); err != nil {
		t.Fatal(err)
	}
	if err := apply(t, s, "{}"); err != nil {
		t.Fatal(err)
	}
	if err := s.Allow(netip.MustParsePrefix("192.0.2.7/32"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := apply(t, s, next); !errors.Is(err, ErrFull) {
		t.Errorf("a full list beside what people have allowed: %v, want %v", err, ErrFull)
	}
}

// TestTunnelsComeAndGo: data centres move more often than there are numbers.
func TestTunnelsComeAndGo(t *testing.T) {
	s := loaded(t, "{}")
	policy := func(name string, i int) string {
		return fmt.Sprintf("- {name: %s, protect: [192.0.2.0/24], tunnel: {from: 10.0.0.1, to: 10.1.%d.%d}}\n", name, i>>8, i&255)
	}
	for i := range 2 * len(s.tunnels) {
		stays := "- {name: stays, protect: [198.51.100.0/24], tunnel: {from: 10.0.0.1, to: 10.2.0.1}}\n"
		if err := apply(t, s, "policies:\n"+stays+policy("moves", i)); err != nil {
			t.Fatalf("the move after %d: %v", i, err)
		}
	}
	for to, want := range map[string]int{"10.2.0.1": 1, "10.1.0.127": 1, "10.1.0.126": 1} {
		n := 0
		for _, tunnel := range s.tunnels {
			if tunnel.To == netip.MustParseAddr(to) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d tunnels to %s, want %d", n, to, want)
		}
	}
}
