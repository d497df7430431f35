//go:build linux

package main

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
)

// TestAnotherStart opens a desk over what an earlier one has left.
func TestAnotherStart(t *testing.T) {
	now := time.Now()
	f := newFake()
	socket := t.TempDir() + "/s"
	open := func(boot string) *desk {
		l, err := readLedger(socket)
		if err != nil {
			t.Fatal(err)
		}
		d, err := openDesk(f, boot, caps{PerShop: shop.Rate{Events: 1, Per: time.Minute}, MaxEntries: 2, MaxTTL: time.Hour}, spared{}, l, now)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := open("boot-1")
	f.deny[prefix(t, "198.18.0.0/24")] = scrub.Denied{Prefix: prefix(t, "198.18.0.0/24"), Owner: scrub.OwnerFile}
	if _, err := first.deny(note{Prefix: prefix(t, "203.0.113.7/32"), By: "ops", Why: "ticket 4711", Since: now, Until: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if _, err := first.allow(note{Prefix: prefix(t, "203.0.113.128/28"), By: "ops", Why: "monitoring"}); err != nil {
		t.Fatal(err)
	}
	judge(t, first, fra, now, verdict("203.0.113.8/32", now.Add(time.Minute)))

	second := open("boot-2")
	got := second.denied()
	if len(got) != 3 || got[0].Owner != "file" || got[1].Why != "ticket 4711" || got[1].By[0] != "ops" || got[2].By[0] != "an edge, before scrubd started" {
		t.Errorf("denied after another start: %+v", got)
	}
	j := judge(t, second, fra, now, verdict("203.0.113.8/32", now.Add(time.Minute)))
	if j.Boot != "boot-2" || second.byEdges != 1 {
		t.Errorf("an edge passes again what held: boot %s, %d entries of edges", j.Boot, second.byEdges)
	}
	judge(t, second, fra, now, verdict("203.0.113.8/32", time.Time{}))
	if by := f.denies("203.0.113.8/32"); by != "" {
		t.Errorf("lifted, and denied by %q", by)
	}

	// Another layout of maps begins empty, except for what the file says.
	clear(f.deny)
	clear(f.allowed)
	third := open("boot-3")
	if by := f.denies("203.0.113.7/32"); by != "manual" {
		t.Errorf("after another layout people's entry is denied by %q", by)
	}
	if all, err := third.allowedList(); err != nil || len(all) != 1 || all[0].Why != "monitoring" {
		t.Errorf("after another layout allowed are %+v, %v", all, err)
	}
}

func TestLedgerThatIsBroken(t *testing.T) {
	socket := t.TempDir() + "/s"
	if err := os.WriteFile(socket+ledgerSuffix, []byte(`{"denied": [{`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := readLedger(socket)
	if err == nil || l.path == "" || len(l.Denied) > 0 {
		t.Errorf("a broken ledger: %+v, %v", l, err)
	}
	if err := l.write(nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := readLedger(socket); err != nil {
		t.Errorf("after it was written anew: %v", err)
	}
}

func TestReloadKeepsWhatOthersWant(t *testing.T) {
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{}, now)
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
		if err := d.applied(&file{Config: c}, spared{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.deny(note{Prefix: prefix(t, both), By: "ops", Until: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	apply(both, alone)
	if f.denies(both) != "file" || f.denies(alone) != "file" {
		t.Errorf("denied by %q and %q, want the file", f.denies(both), f.denies(alone))
	}
	if _, err := d.lift(prefix(t, both)); err == nil {
		t.Error("what the file denies was lifted")
	}
	apply()
	if got := f.denies(both); got != "manual" {
		t.Errorf("no longer in the file, but wanted by people: denied by %q", got)
	}
	if got := f.denies(alone); got != "" {
		t.Errorf("no longer in the file: denied by %q", got)
	}
}

// TestFileHoldsAgainstEdges: an edge asks between the moment in which the kernel
// knows a new policy file and that in which the desk does.
func TestFileHoldsAgainstEdges(t *testing.T) {
	const p = "203.0.113.7/32"
	f, now := newFake(), time.Now()
	d := deskOver(t, f, caps{}, now)
	next := &file{Config: scrub.Config{Deny: []scrub.Prefix{{Prefix: prefix(t, p)}}}}
	if err := f.Apply(&next.Config); err != nil {
		t.Fatal(err)
	}
	judge(t, d, fra, now, verdict(p, now.Add(time.Minute)))
	if err := d.applied(next, spared{}); err != nil {
		t.Fatal(err)
	}
	if k := f.deny[prefix(t, p)]; k.Owner != scrub.OwnerFile || !k.Until.IsZero() {
		t.Errorf("what the file denies for good is in the kernel as %+v", k)
	}
}

// TestLedgerThatIsDamaged: what nobody can have said is left out, and the rest
// holds.
func TestLedgerThatIsDamaged(t *testing.T) {
	now := time.Now()
	socket, until := t.TempDir()+"/s", now.Add(time.Hour).Format(time.RFC3339)
	raw := `{"denied": [{"prefix": "", "until": "` + until + `"}, {"prefix": "0.0.0.0/0", "until": "` + until + `"},
		{"prefix": "203.0.113.7/24", "until": "` + until + `"}, {"prefix": "::ffff:203.0.113.7/128", "until": "` + until + `"},
		{"prefix": "203.0.113.9/32", "until": "9999-01-01T00:00:00Z"},
		{"prefix": "203.0.113.8/32", "by": "ops", "since": "` + now.Format(time.RFC3339) + `", "until": "` + until + `"}],
		"allowed": [{"prefix": "::/0"}, {"prefix": "10.0.0.0/8", "by": "ops"}]}`
	if err := os.WriteFile(socket+ledgerSuffix, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := readLedger(socket)
	if err == nil {
		t.Error("nobody hears of the damage")
	}
	f := newFake()
	if _, err := openDesk(f, "boot-1", caps{}, spared{}, l, now); err != nil {
		t.Fatal(err)
	}
	if len(f.deny) != 1 || f.denies("203.0.113.8/32") != "manual" {
		t.Errorf("denied are %v", f.deny)
	}
	if _, ok := f.allowed[prefix(t, "10.0.0.0/8")]; !ok || len(f.allowed) != 1 {
		t.Errorf("allowed are %v", f.allowed)
	}
}
