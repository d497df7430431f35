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
		d, err := openDesk(f, boot, caps{PerShop: shop.Rate{Events: 1, Per: time.Minute}, Most: 2, Life: time.Hour}, spared{}, l, now)
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
	if by := f.denies("203.0.113.7/32"); by != "people" {
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
	if got := f.denies(both); got != "people" {
		t.Errorf("no longer in the file, but wanted by people: denied by %q", got)
	}
	if got := f.denies(alone); got != "" {
		t.Errorf("no longer in the file: denied by %q", got)
	}
}
