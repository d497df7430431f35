//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

var (
	fra = edgeID{1000, "fra-1"}
	ber = edgeID{1000, "ber-1"}
)

// deskOver opens a desk over a dataplane.
func deskOver(t *testing.T, f *fakePlane, c caps, now time.Time) *desk {
	t.Helper()
	if c.PerShop == (shop.Rate{}) {
		c.PerShop = shop.Rate{Events: 600, Per: time.Minute}
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = 1000
	}
	if c.MaxTTL == 0 {
		c.MaxTTL = time.Hour
	}
	l, err := readLedger(t.TempDir() + "/s")
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDesk(f, "boot-1", c, spared{}, l, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// verdict drops a prefix for as long.
func verdict(p string, until time.Time) wire.Verdict {
	return wire.Verdict{Prefix: netip.MustParsePrefix(p), Until: until, Shop: "loewen", Cause: ban.ByLimit}
}

// judge passes verdicts that nothing is to be said against.
func judge(t *testing.T, d *desk, id edgeID, now time.Time, verdicts ...wire.Verdict) wire.Judgement {
	t.Helper()
	j, err := d.judge(id, verdicts, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(j.Refused) > 0 {
		t.Errorf("%s is refused %v", id.name, j.Refused)
	}
	return j
}

func TestClaimsOfEdges(t *testing.T) {
	const p = "203.0.113.7/32"
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{}, now)
	lift := verdict(p, time.Time{})

	judge(t, d, fra, now, verdict(p, now.Add(time.Minute)))
	judge(t, d, ber, now, verdict(p, now.Add(2*time.Minute)))
	judge(t, d, fra, now, lift)
	if got := f.denies(p); got != "edges" {
		t.Errorf("one of two edges lifts: denied by %q, want edges", got)
	}
	if got := d.denied()[0].Until; !got.Equal(now.Add(2 * time.Minute)) {
		t.Errorf("denied until %v, want what the other edge says", got)
	}
	judge(t, d, ber, now, lift)
	if got := f.denies(p); got != "" {
		t.Errorf("both have lifted it: denied by %q", got)
	}
	if judge(t, d, fra, now, lift); d.byEdges != 0 {
		t.Errorf("lifted once more: %d entries of edges are left", d.byEdges)
	}
}

func TestHitsOfEdges(t *testing.T) {
	const p, q = "203.0.113.7/32", "2001:db8:7::/64"
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{}, now)
	hits := func(id edgeID, verdicts ...wire.Verdict) string {
		return fmt.Sprint(judge(t, d, id, now, verdicts...).Hits)
	}

	hits(fra, verdict(p, now.Add(time.Minute)), verdict(q, now.Add(time.Minute)))
	f.drop(p, 10)
	if got, want := hits(fra), "[{203.0.113.7/32 10}]"; got != want {
		t.Errorf("after 10 packets: %s, want %s", got, want)
	}
	if got := hits(fra); got != "[]" {
		t.Errorf("asked at once again: %s, want none", got)
	}
	if got := hits(ber, verdict(p, now.Add(time.Minute))); got != "[]" {
		t.Errorf("an edge that comes later is told of what came before it: %s", got)
	}
	f.drop(p, 3)
	f.drop(q, 1)
	if got, want := hits(ber), "[{203.0.113.7/32 3}]"; got != want {
		t.Errorf("the later one, of its own verdicts: %s, want %s", got, want)
	}
	if got, want := hits(fra, verdict(p, now.Add(time.Hour))), "[{203.0.113.7/32 3} {2001:db8:7::/64 1}]"; got != want {
		t.Errorf("the earlier one, while it renews: %s, want %s", got, want)
	}
	if got := hits(edgeID{1001, "fra-1"}); got != "[]" {
		t.Errorf("another user under an edge's name is told: %s", got)
	}
}

func TestBoundsOfEdges(t *testing.T) {
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{PerShop: shop.Rate{Events: 3, Per: time.Minute}, MaxEntries: 5, MaxTTL: time.Hour}, now)
	refused := func(verdicts ...wire.Verdict) (all []string) {
		j, err := d.judge(fra, verdicts, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range j.Refused {
			all = append(all, r.Prefix.String()+" "+r.Why)
		}
		return all
	}
	nth := func(n int, id shop.ID) wire.Verdict {
		v := verdict(fmt.Sprintf("203.0.113.%d/32", n), now.Add(time.Minute))
		v.Shop = id
		return v
	}
	for _, step := range []struct {
		about    string
		verdicts []wire.Verdict
		want     string
	}{
		{"as many as the shop may", []wire.Verdict{nth(1, "loewen"), nth(2, "loewen"), nth(3, "loewen")}, ""},
		{"renewed, which costs nothing", []wire.Verdict{nth(1, "loewen"), nth(2, "loewen"), nth(3, "loewen")}, ""},
		{"one more of the shop", []wire.Verdict{nth(4, "loewen")}, "203.0.113.4/32 more than 3/m of this shop"},
		{"others of another", []wire.Verdict{nth(5, "sonnen"), nth(6, "sonnen")}, ""},
		{"one more than all may", []wire.Verdict{nth(7, "sonnen")}, "203.0.113.7/32 5 verdicts hold already, which is the most"},
		{"lifted, which makes room", []wire.Verdict{verdict("203.0.113.1/32", time.Time{}), nth(7, "sonnen")}, ""},
	} {
		if got := strings.Join(refused(step.verdicts...), "; "); got != step.want {
			t.Errorf("%s: refused %q, want %q", step.about, got, step.want)
		}
	}
	refused(nth(2, "loewen"), verdict("203.0.113.2/32", now.Add(24*time.Hour)))
	if got := f.deny[prefix(t, "203.0.113.2/32")].Until; !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a day was cut to %v, want an hour", got.Sub(now))
	}
	f.most = len(f.deny)
	refused(verdict("203.0.113.7/32", time.Time{}))
	f.most = len(f.deny)
	if got := strings.Join(refused(nth(8, "hirsch")), ""); got != "203.0.113.8/32 "+scrub.ErrFull.Error() {
		t.Errorf("the kernel has no room: %q", got)
	}
	if d.entries[prefix(t, "203.0.113.8/32")] != nil || d.byEdges != 4 {
		t.Errorf("what the kernel refused is kept: %d entries of edges", d.byEdges)
	}
}

func TestEdgesAndPeople(t *testing.T) {
	const p = "203.0.113.7/32"
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{}, now)
	people := note{Prefix: prefix(t, p), By: "ops", Why: "ticket 4711", Since: now, Until: now.Add(time.Minute)}
	if _, err := d.deny(people); err != nil {
		t.Fatal(err)
	}
	judge(t, d, fra, now, verdict(p, now.Add(10*time.Second)))
	judge(t, d, fra, now, verdict(p, time.Time{}))
	if got := f.denies(p); got != "manual" {
		t.Errorf("an edge lifts what people have denied: denied by %q", got)
	}
	judge(t, d, fra, now, verdict(p, now.Add(time.Hour)))
	if err := d.expire(now.Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := d.denied()[0]; got.Owner != "edges" || got.Why != "limit of loewen" {
		t.Errorf("people's time is over, the edge's is not: %+v", got)
	}
	notice, err := d.lift(prefix(t, p))
	if err != nil || !strings.Contains(notice, "theriac shield unban") {
		t.Errorf("people lift what an edge denied: %q, %v", notice, err)
	}
	if got := f.denies(p); got != "" || d.byEdges != 0 {
		t.Errorf("lifted: denied by %q, %d entries of edges", got, d.byEdges)
	}
	if _, err := d.lift(prefix(t, p)); err == nil {
		t.Error("what is not denied was lifted")
	}
}

func TestExpiry(t *testing.T) {
	now := time.Now()
	f := newFake()
	d := deskOver(t, f, caps{MaxEntries: 1}, now)
	judge(t, d, fra, now, verdict("203.0.113.7/32", now.Add(time.Minute)))
	if err := d.expire(now.Add(59 * time.Second)); err != nil || len(f.deny) != 1 {
		t.Errorf("before its end: %d entries, %v", len(f.deny), err)
	}
	judge(t, d, fra, now, verdict("203.0.113.7/32", now.Add(2*time.Minute)))
	if err := d.expire(now.Add(61 * time.Second)); err != nil || len(f.deny) != 1 {
		t.Errorf("renewed, at its first end: %d entries, %v", len(f.deny), err)
	}
	if err := d.expire(now.Add(121 * time.Second)); err != nil || len(f.deny) != 0 || len(d.edges[fra].claims) != 0 || len(d.ends.bySecond) != 0 {
		t.Errorf("a second after its end: %d entries, %d claims, %d ends, %v", len(f.deny), len(d.edges[fra].claims), len(d.ends.bySecond), err)
	}
	judge(t, d, fra, now, verdict("203.0.113.8/32", now.Add(time.Minute))) // there is room again
}

func TestTooManyEdges(t *testing.T) {
	now := time.Now()
	d := deskOver(t, newFake(), caps{}, now)
	for i := range maxEdges {
		judge(t, d, edgeID{1000, fmt.Sprint(i)}, now)
	}
	judge(t, d, edgeID{1000, "0"}, now.Add(2*time.Hour), verdict("203.0.113.7/32", now.Add(3*time.Hour)))
	if _, err := d.judge(edgeID{1000, "one more"}, nil, now); err != errTooMany {
		t.Errorf("one edge too many: %v", err)
	}
	judge(t, d, edgeID{1000, "one more"}, now.Add(2*time.Hour)) // those that were silent for long make room
	if got := len(d.edges); got != 2 {
		t.Errorf("%d edges are known, want the one that claims something and the new one", got)
	}
}

// TestClockThatIsSet: a host that starts without a clock sets it by decades; one
// that was ahead sets it back. What ends, ends, and nobody waits meanwhile.
func TestClockThatIsSet(t *testing.T) {
	f := newFake()
	d := deskOver(t, f, caps{}, time.Unix(0, 0))
	claim := func(now time.Time) {
		judge(t, d, fra, now, verdict("203.0.113.7/32", now.Add(time.Minute)))
	}
	pass := func(now time.Time, holds string) {
		t.Helper()
		began := time.Now()
		if err := d.expire(now); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the edges wait for %s", took)
		}
		if by := f.denies("203.0.113.7/32"); by != holds {
			t.Errorf("at %s it is denied by %q, want %q", now.UTC(), by, holds)
		}
	}
	now := time.Now()
	claim(time.Unix(0, 0))
	pass(now, "") // ahead by decades
	claim(now)
	pass(now.Add(time.Second), "edges")
	pass(now.Add(2*time.Minute), "")
	back := now.Add(-time.Hour)
	pass(back, "")
	claim(back)
	pass(back.Add(time.Second), "edges")
	pass(back.Add(2*time.Minute), "")
	if len(d.ends.bySecond) != 0 || d.byEdges != 0 {
		t.Errorf("%d seconds are left, and %d entries", len(d.ends.bySecond), d.byEdges)
	}
}
