package denylist

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/fakeplane"
)

// TestBoot opens a list after a boot, when the kernel's lists are empty: what has an end
// comes back, and what has none does not.
func TestBoot(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "state")
	start := func(boot string, now time.Time) (*fakeplane.Plane, *List) {
		state, err := ReadStateFile(path, boot)
		if err != nil {
			t.Fatal(err)
		}
		f := fakeplane.New()
		l, err := Open(f, boot, Limits{}, NeverDeny{}, state, now)
		if err != nil {
			t.Fatal(err)
		}
		return f, l
	}
	_, l := start("boot-1", now)
	hour, ten := netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("203.0.113.8/32")
	for p, ttl := range map[netip.Prefix]time.Duration{hour: time.Hour, ten: 10 * time.Minute} {
		if notice, err := l.Deny(Annotation{Prefix: p, By: "ops", Why: "ticket 4711", Since: now, Until: now.Add(ttl)}); err != nil || notice != "" {
			t.Fatalf("%q, %v", notice, err)
		}
	}
	if _, err := l.Allow(Annotation{Prefix: netip.MustParsePrefix("198.51.100.0/28"), By: "ops", Since: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Allow(Annotation{Prefix: netip.MustParsePrefix("198.51.100.16/28"), By: "ops", Since: now, Until: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if f, _ := start("boot-1", now); len(f.Allows) != 2 || len(f.Denies) != 2 {
		t.Errorf("after a restart denied are %v, allowed %v", f.Denies, f.Allows)
	}
	f, l := start("boot-2", now.Add(20*time.Minute))
	all := l.Denied()
	if len(all) != 1 || all[0].Prefix != hour || all[0].Why != "ticket 4711" || all[0].By[0] != "ops" || !all[0].Until.Equal(now.Add(time.Hour)) || deniedBy(f, hour.String()) != Manual {
		t.Errorf("after a boot denied are %+v", all)
	}
	if all, err := l.Allowed(); err != nil || len(all) != 1 || all[0].Prefix.String() != "198.51.100.16/28" || !all[0].Until.Equal(now.Add(time.Hour)) {
		t.Errorf("after a boot allowed are %+v, %v", all, err)
	}
	if err := l.Expire(now.Add(2 * time.Hour)); err != nil || len(f.Allows) != 0 {
		t.Errorf("after their end allowed are %v, %v", f.Allows, err)
	}
	if state, err := ReadStateFile(path, "boot-2"); err != nil || len(state.Denied)+len(state.Allowed) != 0 {
		t.Errorf("after their end the file has %v, %v, %v", state.Denied, state.Allowed, err)
	}
}

// TestWrongClock: no entry ends later than an operator can have said, whatever the clock
// was when it was made, or is now.
func TestWrongClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	made := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	state := StateFile{path: path, Boot: "boot-1"}
	if err := state.write([]Annotation{{Prefix: netip.MustParsePrefix("203.0.113.7/32"), By: "ops", Since: made, Until: made.Add(time.Hour)}}, nil); err != nil {
		t.Fatal(err)
	}
	state, err := ReadStateFile(path, "boot-2")
	if err != nil {
		t.Fatal(err)
	}
	now := made.Add(-50 * 365 * 24 * time.Hour)
	f := fakeplane.New()
	if _, err := Open(f, "boot-2", Limits{}, NeverDeny{}, state, now); err != nil {
		t.Fatal(err)
	}
	for p, d := range f.Denies {
		if d.Until.After(now.Add(MaxManualTTL)) {
			t.Errorf("%s is denied until %v", p, d.Until)
		}
	}
	if len(f.Denies) != 1 {
		t.Errorf("denied are %v", f.Denies)
	}
}

// TestStateFileIsReplaced: as a whole or not at all, and through no link.
func TestStateFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := StateFile{path: filepath.Join(dir, "state"), Boot: "boot-1"}
	if err := os.Symlink(other, s.path+".next"); err != nil {
		t.Fatal(err)
	}
	if err := s.write(nil, nil); err != nil {
		t.Error(err)
	}
	many := make([]Annotation, 1<<17)
	for i := range many {
		many[i] = Annotation{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Why: strings.Repeat("x", MaxWhy)}
	}
	if err := s.write(many, nil); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("writing what cannot be read again: %v", err)
	}
	if raw, err := os.ReadFile(other); err != nil || string(raw) != "precious" {
		t.Errorf("behind the link there is %q, %v", raw, err)
	}
	if _, err := ReadStateFile(s.path, "boot-1"); err != nil {
		t.Errorf("the file of before: %v", err)
	}
}
