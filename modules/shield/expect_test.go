package shield

import (
	"errors"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestExpected: every edge knows what was announced at one, for as long as it says.
func TestExpected(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	ctx, a, b, now := t.Context(), edges[0], edges[1], time.Now()
	peak := levels.Peak{From: now.Add(time.Hour), To: now.Add(3 * time.Hour), Factor: 3, Who: "root", Why: "newsletter"}
	soon := levels.Peak{From: now.Add(-time.Hour), To: now.Add(2 * time.Second), Factor: 1.5}
	if err := errors.Join(a.Expect(ctx, "loewen", peak, now), b.Expect(ctx, "sonnen", soon, now)); err != nil {
		t.Fatal(err)
	}
	for _, e := range edges {
		sample.Within(t, 10*time.Second, "the edge knows of both", func() bool {
			return e.Expected("loewen", peak.From) == 3 && (e.Expected("sonnen", now) == 1.5 || time.Now().After(soon.To))
		})
		for at, want := range map[time.Time]float64{peak.From.Add(-time.Second): 1, peak.From: 3, peak.To: 1} {
			if got := e.Expected("loewen", at); got != want {
				t.Errorf("at %s: %vx, want %vx", at, got, want)
			}
		}
	}
	sample.Within(t, 10*time.Second, "the one that is over is forgotten", func() bool { return len(b.Peaks()) == 1 })
	if p := b.Peaks()[0]; p.Shop != "loewen" || p.Who != "root" || p.Why != "newsletter" || !p.From.Equal(peak.From) || !p.To.Equal(peak.To) {
		t.Errorf("the other edge knows of %+v", p)
	}
	if err := b.ExpectNone(ctx, "loewen"); err != nil {
		t.Fatal(err)
	}
	sample.Within(t, 10*time.Second, "it is withdrawn", func() bool { return a.Expected("loewen", peak.From) == 1 && len(a.Peaks()) == 0 })
	peak.To = now.Add(levels.Ahead + time.Hour)
	if a.Expect(ctx, "loewen", peak, now) == nil || a.Expect(ctx, "eulen", soon, now) == nil || a.ExpectNone(ctx, "eulen") == nil {
		t.Error("a peak too far ahead, or at an unknown shop, is announced")
	}
}

// TestWhyTheWatchActs: every edge knows the reason, and reads it with the level.
func TestWhyTheWatchActs(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	ctx, a, b := t.Context(), edges[0], edges[1]
	why := levels.Why{Reason: "foreign", Words: "many strangers that behave unlike browsers"}
	if _, known := b.Why("loewen"); known {
		t.Error("a reason is known before there is one")
	}
	if err := errors.Join(a.SetWhy(ctx, "loewen", why), a.SetWatched(ctx, "loewen", shop.Attack, time.Time{})); err != nil {
		t.Fatal(err)
	}
	agree(t, edges, "loewen", "watched", shop.Attack, levels.ByWatch)
	if got, known := b.Why("loewen"); !known || got != why {
		t.Errorf("the other edge knows %+v, %t", got, known)
	}
	if got := b.WhyLevel("loewen", b.shops["loewen"].Level()); got != why.Words {
		t.Errorf("the reason for the level is %q", got)
	}
	if err := b.Pin(ctx, "loewen", levels.Pin{Level: shop.Siege, Why: "ticket 4711"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	agree(t, edges, "loewen", "pinned", shop.Siege, levels.ByPeople)
	if got := a.WhyLevel("loewen", a.shops["loewen"].Level()); got != "ticket 4711" {
		t.Errorf("the reason for the pin is %q", got)
	}
	for _, bad := range []levels.Why{{Words: "no name"}, {Reason: "Two words"}, {Reason: "x", Words: "two\nlines"}} {
		if a.SetWhy(ctx, "loewen", bad) == nil {
			t.Errorf("%+v is set", bad)
		}
	}
}

// TestACampaignIsOfAllShops, and ends at all of them.
func TestACampaignIsOfAllShops(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	ctx, a := t.Context(), edges[0]
	if err := errors.Join(a.SetWatched(ctx, "loewen", shop.Heavy, time.Time{}), a.SetCampaign(ctx, levels.Campaign{Why: "search floods"}, time.Hour)); err != nil {
		t.Fatal(err)
	}
	agree(t, edges, "sonnen", "a campaign", shop.Raised, levels.ByCampaign)
	agree(t, edges, "loewen", "the control, attacked itself", shop.Heavy, levels.ByWatch)
	if got := edges[1].WhyLevel("sonnen", edges[1].shops["sonnen"].Level()); got != "search floods" {
		t.Errorf("the reason is %q", got)
	}
	if err := a.SetCampaign(ctx, levels.Campaign{}, time.Second); err != nil {
		t.Fatal(err)
	}
	agree(t, edges, "sonnen", "it has ended", shop.Calm, levels.Nobody)
	if a.Campaign() != nil || a.EndCampaign(ctx) != nil || a.SetCampaign(ctx, levels.Campaign{}, 0) == nil {
		t.Error("there is a campaign, or one without time")
	}
}
