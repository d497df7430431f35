package denylist

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/fakeplane"
	"github.com/theriac-edge/theriac/test/sample"
)

var (
	fra = EdgeID{1000, "fra-1"}
	ber = EdgeID{1000, "ber-1"}
)

// deniedBy names the owner of a prefix on the kernel's list; empty: it is not on it.
func deniedBy(f *fakeplane.Plane, prefix string) string {
	owner, ok := f.OwnerOf(prefix)
	if !ok {
		return ""
	}
	return OwnerName(owner)
}

// openOver opens a list over a dataplane.
func openOver(t *testing.T, f *fakeplane.Plane, c Limits, now time.Time) *List {
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
	l, err := ReadStateFile(t.TempDir()+"/state", "boot-1")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(f, "instance-1", c, NeverDeny{}, l, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newBan bans a prefix for a time.
func newBan(p string, until time.Time) client.PushedBan {
	return client.PushedBan{Prefix: netip.MustParsePrefix(p), Until: until, Shop: "loewen", Cause: ban.ByLimit}
}

// applyBans pushes bans of which none may be refused.
func applyBans(t *testing.T, d *List, id EdgeID, now time.Time, bans ...client.PushedBan) client.SyncResponse {
	t.Helper()
	j, err := d.ApplyBans(id, bans, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(j.Refused) > 0 {
		t.Errorf("%s is refused %v", id.Name, j.Refused)
	}
	return j
}

func TestHoldsOfSeveralEdges(t *testing.T) {
	const p = "203.0.113.7/32"
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{}, now)
	lift := newBan(p, time.Time{})

	applyBans(t, d, fra, now, newBan(p, now.Add(time.Minute)))
	applyBans(t, d, ber, now, newBan(p, now.Add(2*time.Minute)))
	applyBans(t, d, fra, now, lift)
	if got := deniedBy(f, p); got != "edges" {
		t.Errorf("one of two edges lifts: denied by %q, want edges", got)
	}
	if got := d.Denied()[0].Until; !got.Equal(now.Add(2 * time.Minute)) {
		t.Errorf("denied until %v, want what the other edge says", got)
	}
	applyBans(t, d, ber, now, lift)
	if got := deniedBy(f, p); got != "" {
		t.Errorf("both have lifted it: denied by %q", got)
	}
	if applyBans(t, d, fra, now, lift); d.pushed != 0 {
		t.Errorf("lifted once more: %d entries of edges are left", d.pushed)
	}
}

func TestHitsOfEdges(t *testing.T) {
	const p, q = "203.0.113.7/32", "2001:db8:7::/64"
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{}, now)
	hits := func(id EdgeID, bans ...client.PushedBan) string {
		return fmt.Sprint(applyBans(t, d, id, now, bans...).Hits)
	}

	hits(fra, newBan(p, now.Add(time.Minute)), newBan(q, now.Add(time.Minute)))
	f.Drop(p, 10)
	if got, want := hits(fra), "[{203.0.113.7/32 10}]"; got != want {
		t.Errorf("after 10 packets: %s, want %s", got, want)
	}
	if got := hits(fra); got != "[]" {
		t.Errorf("asked at once again: %s, want none", got)
	}
	if got := hits(ber, newBan(p, now.Add(time.Minute))); got != "[]" {
		t.Errorf("a later edge is told of earlier packets: %s", got)
	}
	f.Drop(p, 3)
	f.Drop(q, 1)
	if got, want := hits(ber), "[{203.0.113.7/32 3}]"; got != want {
		t.Errorf("the later one, of its own bans: %s, want %s", got, want)
	}
	if got, want := hits(fra, newBan(p, now.Add(time.Hour))), "[{203.0.113.7/32 3} {2001:db8:7::/64 1}]"; got != want {
		t.Errorf("the earlier one, when it renews: %s, want %s", got, want)
	}
	if got := hits(EdgeID{1001, "fra-1"}); got != "[]" {
		t.Errorf("another user under an edge's name is told: %s", got)
	}
}

func TestLimitsOfEdges(t *testing.T) {
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{PerShop: shop.Rate{Events: 3, Per: time.Minute}, MaxEntries: 5, MaxTTL: time.Hour}, now)
	refused := func(bans ...client.PushedBan) (all []string) {
		j, err := d.ApplyBans(fra, bans, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range j.Refused {
			all = append(all, r.Prefix.String()+" "+r.Reason)
		}
		return all
	}
	nth := func(n int, id shop.ID) client.PushedBan {
		v := newBan(fmt.Sprintf("203.0.113.%d/32", n), now.Add(time.Minute))
		v.Shop = id
		return v
	}
	for _, step := range []struct {
		about string
		bans  []client.PushedBan
		want  string
	}{
		{"as many as the shop may cause", []client.PushedBan{nth(1, "loewen"), nth(2, "loewen"), nth(3, "loewen")}, ""},
		{"renewed, which costs nothing", []client.PushedBan{nth(1, "loewen"), nth(2, "loewen"), nth(3, "loewen")}, ""},
		{"one more of the shop", []client.PushedBan{nth(4, "loewen")}, "203.0.113.4/32 above per_shop: this shop has caused more than 3/m"},
		{"others of another", []client.PushedBan{nth(5, "sonnen"), nth(6, "sonnen")}, ""},
		{"one more than all edges may", []client.PushedBan{nth(7, "sonnen")}, "203.0.113.7/32 above max_entries: there are 5 bans"},
		{"one lifted, which makes room", []client.PushedBan{newBan("203.0.113.1/32", time.Time{}), nth(7, "sonnen")}, ""},
	} {
		if got := strings.Join(refused(step.bans...), "; "); got != step.want {
			t.Errorf("%s: refused %q, want %q", step.about, got, step.want)
		}
	}
	refused(nth(2, "loewen"), newBan("203.0.113.2/32", now.Add(24*time.Hour)))
	if got := f.Denies[netip.MustParsePrefix("203.0.113.2/32")].Until; !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a day was cut to %v, want an hour", got.Sub(now))
	}
	f.MaxEntries = len(f.Denies)
	refused(newBan("203.0.113.7/32", time.Time{}))
	f.MaxEntries = len(f.Denies)
	if got := strings.Join(refused(nth(8, "hirsch")), ""); got != "203.0.113.8/32 "+scrub.ErrFull.Error() {
		t.Errorf("the kernel has no room: %q", got)
	}
	if d.entries[netip.MustParsePrefix("203.0.113.8/32")] != nil || d.pushed != 4 {
		t.Errorf("what the kernel refused is kept: %d entries of edges", d.pushed)
	}
}

func TestEdgesAndOperators(t *testing.T) {
	const p = "203.0.113.7/32"
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{}, now)
	manual := Annotation{Prefix: netip.MustParsePrefix(p), By: "ops", Why: "ticket 4711", Since: now, Until: now.Add(time.Minute)}
	if _, err := d.Deny(manual); err != nil {
		t.Fatal(err)
	}
	applyBans(t, d, fra, now, newBan(p, now.Add(10*time.Second)))
	applyBans(t, d, fra, now, newBan(p, time.Time{}))
	if got := deniedBy(f, p); got != "manual" {
		t.Errorf("an edge lifts what an operator has denied: denied by %q", got)
	}
	applyBans(t, d, fra, now, newBan(p, now.Add(time.Hour)))
	if err := d.Expire(now.Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := d.Denied()[0]; got.Owner != "edges" || got.Why != "limit of loewen" {
		t.Errorf("the operator's entry has ended, the edge's has not: %+v", got)
	}
	notice, err := d.RemoveDenied(netip.MustParsePrefix(p))
	if err != nil || !strings.Contains(notice, "theriac shield unban") {
		t.Errorf("an operator removes what an edge banned: %q, %v", notice, err)
	}
	if got := deniedBy(f, p); got != "" || d.pushed != 0 {
		t.Errorf("lifted: denied by %q, %d entries of edges", got, d.pushed)
	}
	if _, err := d.RemoveDenied(netip.MustParsePrefix(p)); err == nil {
		t.Error("what is not denied was lifted")
	}
}

func TestExpiry(t *testing.T) {
	now := time.Now()
	f := fakeplane.New()
	d := openOver(t, f, Limits{MaxEntries: 1}, now)
	applyBans(t, d, fra, now, newBan("203.0.113.7/32", now.Add(time.Minute)))
	if err := d.Expire(now.Add(59 * time.Second)); err != nil || len(f.Denies) != 1 {
		t.Errorf("before its end: %d entries, %v", len(f.Denies), err)
	}
	applyBans(t, d, fra, now, newBan("203.0.113.7/32", now.Add(2*time.Minute)))
	if err := d.Expire(now.Add(61 * time.Second)); err != nil || len(f.Denies) != 1 {
		t.Errorf("renewed, at its first end: %d entries, %v", len(f.Denies), err)
	}
	if err := d.Expire(now.Add(121 * time.Second)); err != nil || len(f.Denies) != 0 || len(d.edges[fra].holds) != 0 || len(d.expiry.bySecond) != 0 {
		t.Errorf("a second after its end: %d entries, %d holds, %d seconds, %v", len(f.Denies), len(d.edges[fra].holds), len(d.expiry.bySecond), err)
	}
	applyBans(t, d, fra, now, newBan("203.0.113.8/32", now.Add(time.Minute))) // there is room again
}

func TestTooManyEdges(t *testing.T) {
	now := time.Now()
	d := openOver(t, fakeplane.New(), Limits{}, now)
	for i := range maxEdges {
		applyBans(t, d, EdgeID{1000, fmt.Sprint(i)}, now)
	}
	applyBans(t, d, EdgeID{1000, "0"}, now.Add(2*time.Hour), newBan("203.0.113.7/32", now.Add(3*time.Hour)))
	if _, err := d.ApplyBans(EdgeID{1000, "one more"}, nil, now); err != ErrTooManyEdges {
		t.Errorf("one edge too many: %v", err)
	}
	applyBans(t, d, EdgeID{1000, "one more"}, now.Add(2*time.Hour)) // those that have been silent make room
	if got := len(d.edges); got != 2 {
		t.Errorf("%d edges are known, want the one with a ban and the new one", got)
	}
}

// TestClockThatIsSet: a host that starts without a clock sets it by decades; one
// that was ahead sets it back. Bans end all the same, and no edge waits meanwhile.
func TestClockThatIsSet(t *testing.T) {
	f := fakeplane.New()
	d := openOver(t, f, Limits{}, time.Unix(0, 0))
	hold := func(now time.Time) {
		applyBans(t, d, fra, now, newBan("203.0.113.7/32", now.Add(time.Minute)))
	}
	expire := func(now time.Time, holds string) {
		t.Helper()
		began := time.Now()
		if err := d.Expire(now); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the edges wait for %s", took)
		}
		if by := deniedBy(f, "203.0.113.7/32"); by != holds {
			t.Errorf("at %s it is denied by %q, want %q", now.UTC(), by, holds)
		}
	}
	now := time.Now()
	hold(time.Unix(0, 0))
	expire(now, "") // ahead by decades
	hold(now)
	expire(now.Add(time.Second), "edges")
	expire(now.Add(2*time.Minute), "")
	back := now.Add(-time.Hour)
	expire(back, "")
	hold(back)
	expire(back.Add(time.Second), "edges")
	expire(back.Add(2*time.Minute), "")
	if len(d.expiry.bySecond) != 0 || d.pushed != 0 {
		t.Errorf("%d seconds are left, and %d entries", len(d.expiry.bySecond), d.pushed)
	}
}

// TestBansOutlastTheClock: a ban of an edge lasts as long as it was made for, though the host's
// time of day is set meanwhile.
func TestBansOutlastTheClock(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		f, now := fakeplane.New(), time.Now()
		d := openOver(t, f, Limits{}, now)
		applyBans(t, d, fra, now, newBan("203.0.113.7/32", now.Add(30*time.Minute).Round(0)))
		denied := func(after time.Duration) bool {
			if err := d.Expire(sample.ClockSet(now.Add(after), by)); err != nil {
				t.Fatal(err)
			}
			return deniedBy(f, "203.0.113.7/32") != ""
		}
		if !denied(29 * time.Minute) {
			t.Errorf("set by %s, it ends early", by)
		}
		if denied(31*time.Minute) && by > 0 { // if it was set back the kernel alone ends it
			t.Errorf("set by %s, it ends late", by)
		}
	}
}
