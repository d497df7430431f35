package denylist

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/fakeplane"
)

// TestAnotherStart opens a list over what an earlier one has left.
func TestAnotherStart(t *testing.T) {
	now := time.Now()
	f := fakeplane.New()
	path := t.TempDir() + "/state"
	open := func(instance string) *List {
		l, err := ReadStateFile(path, "boot-1")
		if err != nil {
			t.Fatal(err)
		}
		d, err := Open(f, instance, Limits{PerShop: shop.Rate{Events: 1, Per: time.Minute}, MaxEntries: 2, MaxTTL: time.Hour}, NeverDeny{}, l, now)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := open("instance-1")
	f.Denies[netip.MustParsePrefix("198.18.0.0/24")] = scrub.Denied{Prefix: netip.MustParsePrefix("198.18.0.0/24"), Owner: scrub.OwnerFile}
	if _, err := first.Deny(Annotation{Prefix: netip.MustParsePrefix("203.0.113.7/32"), By: "ops", Why: "ticket 4711", Since: now, Until: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Allow(Annotation{Prefix: netip.MustParsePrefix("203.0.113.128/28"), By: "ops", Why: "monitoring"}); err != nil {
		t.Fatal(err)
	}
	applyBans(t, first, fra, now, newBan("203.0.113.8/32", now.Add(time.Minute)))

	second := open("instance-2")
	got := second.Denied()
	if len(got) != 3 || got[0].Owner != "file" || got[1].Why != "ticket 4711" || got[1].By[0] != "ops" || got[2].By[0] != "an edge, before scrubd started" {
		t.Errorf("denied after another start: %+v", got)
	}
	j := applyBans(t, second, fra, now, newBan("203.0.113.8/32", now.Add(time.Minute)))
	if j.Instance != "instance-2" || second.pushed != 1 {
		t.Errorf("an edge pushes again what it held: instance %s, %d entries of edges", j.Instance, second.pushed)
	}
	applyBans(t, second, fra, now, newBan("203.0.113.8/32", time.Time{}))
	if by := deniedBy(f, "203.0.113.8/32"); by != "" {
		t.Errorf("lifted, and denied by %q", by)
	}

	// Another layout of maps begins empty, except for what the file says.
	clear(f.Denies)
	clear(f.Allows)
	third := open("instance-3")
	if by := deniedBy(f, "203.0.113.7/32"); by != "manual" {
		t.Errorf("after another layout the operator's entry is denied by %q", by)
	}
	if all, err := third.Allowed(); err != nil || len(all) != 1 || all[0].Why != "monitoring" {
		t.Errorf("after another layout allowed are %+v, %v", all, err)
	}
}

func TestBrokenStateFile(t *testing.T) {
	path := t.TempDir() + "/state"
	if err := os.WriteFile(path, []byte(`{"denied": [{`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ReadStateFile(path, "boot-1")
	if err == nil || l.path == "" || len(l.Denied) > 0 {
		t.Errorf("a broken state file: %+v, %v", l, err)
	}
	if err := l.write(nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStateFile(path, "boot-1"); err != nil {
		t.Errorf("after it was written again: %v", err)
	}
}

func TestReloadKeepsWhatOthersWant(t *testing.T) {
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{}, now)
	const both, alone = "203.0.113.7/32", "203.0.113.8/32"
	apply := func(deny ...string) {
		t.Helper()
		var c scrub.Config
		for _, p := range deny {
			c.Deny = append(c.Deny, scrub.Prefix{Prefix: netip.MustParsePrefix(p)})
		}
		if err := f.Apply(&c); err != nil {
			t.Fatal(err)
		}
		if err := d.Reload(c.Deny, NeverDeny{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Deny(Annotation{Prefix: netip.MustParsePrefix(both), By: "ops", Until: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	apply(both, alone)
	if deniedBy(f, both) != "file" || deniedBy(f, alone) != "file" {
		t.Errorf("denied by %q and %q, want the file", deniedBy(f, both), deniedBy(f, alone))
	}
	if _, err := d.RemoveDenied(netip.MustParsePrefix(both)); err == nil {
		t.Error("an operator has removed what the file denies")
	}
	apply()
	if got := deniedBy(f, both); got != "manual" {
		t.Errorf("no longer in the file, but an operator wants it: denied by %q", got)
	}
	if got := deniedBy(f, alone); got != "" {
		t.Errorf("no longer in the file: denied by %q", got)
	}
}

// TestFileHoldsAgainstEdges: an edge pushes a ban after the kernel was given a new
// policy file, and before the list was.
func TestFileHoldsAgainstEdges(t *testing.T) {
	const p = "203.0.113.7/32"
	f, now := fakeplane.New(), time.Now()
	d := openOver(t, f, Limits{}, now)
	next := &scrub.Config{Deny: []scrub.Prefix{{Prefix: netip.MustParsePrefix(p)}}}
	if err := f.Apply(next); err != nil {
		t.Fatal(err)
	}
	applyBans(t, d, fra, now, newBan(p, now.Add(time.Minute)))
	if err := d.Reload(next.Deny, NeverDeny{}); err != nil {
		t.Fatal(err)
	}
	if k := f.Denies[netip.MustParsePrefix(p)]; k.Owner != scrub.OwnerFile || !k.Until.IsZero() {
		t.Errorf("what the file denies for good is in the kernel as %+v", k)
	}
}

// TestDamagedStateFile: what no operator can have said is skipped, and the rest
// is kept.
func TestDamagedStateFile(t *testing.T) {
	now := time.Now()
	path, until := t.TempDir()+"/state", now.Add(time.Hour).Format(time.RFC3339)
	raw := `{"denied": [{"prefix": "", "until": "` + until + `"}, {"prefix": "0.0.0.0/0", "until": "` + until + `"},
		{"prefix": "203.0.113.7/24", "until": "` + until + `"}, {"prefix": "::ffff:203.0.113.7/128", "until": "` + until + `"},
		{"prefix": "203.0.113.9/32", "until": "9999-01-01T00:00:00Z"},
		{"prefix": "203.0.113.8/32", "by": "ops", "since": "` + now.Format(time.RFC3339) + `", "until": "` + until + `"}],
		"allowed": [{"prefix": "::/0"}, {"prefix": "10.0.0.0/8", "by": "ops"}]}`
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ReadStateFile(path, "boot-1")
	if err == nil {
		t.Error("the damage is not reported")
	}
	f := fakeplane.New()
	if _, err := Open(f, "instance-1", Limits{}, NeverDeny{}, l, now); err != nil {
		t.Fatal(err)
	}
	if len(f.Denies) != 1 || deniedBy(f, "203.0.113.8/32") != "manual" {
		t.Errorf("denied are %v", f.Denies)
	}
	if _, ok := f.Allows[netip.MustParsePrefix("10.0.0.0/8")]; !ok || len(f.Allows) != 1 {
		t.Errorf("allowed are %v", f.Allows)
	}
}
