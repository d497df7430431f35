package watching

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// attack is what the rule says of a shop that bots search.
func attack(at int64) *watch.Verdict {
	return &watch.Verdict{Need: shop.Attack, Now: watch.Cause{Why: watch.WhyUnlike, Sign: watch.NoAssets, Stream: watch.Search, Onset: at - 5}}
}

// TestCampaign: the third shop makes a campaign, which is told once, told again when its end has
// moved, known to an edge that has not seen it, and over when people end it.
func TestCampaign(t *testing.T) {
	set, now := watch.Defaults(), int64(1_796_040_000)
	var c, other campaign
	for i, id := range []shop.ID{"loewen", "sonnen", "eulen"} {
		if _, _, told := c.tell(now); told {
			t.Errorf("it is told after %d shops", i)
		}
		c.rule.Note(now, id, attack(now), &set)
	}
	one, lasts, told := c.tell(now)
	if !told || one.Carpet || one.Stream != "search" || lasts != 72*time.Hour || one.Since.Unix() != now {
		t.Fatalf("told %v: %+v for %s", told, one, lasts)
	}
	if _, _, told := c.tell(now + 1); told {
		t.Error("it is told again at once")
	}
	one.Until = time.Unix(now, 0).Add(lasts)
	for _, edge := range []*campaign{&c, &other} {
		edge.follow(&one)
		if p := edge.rule.Posture(now + 20); !p.Campaign || p.Carpet || p.Stream != watch.Search {
			t.Errorf("an edge that knows of it: %+v", p)
		}
		if _, _, told := edge.tell(now + 20); told {
			t.Error("it is told again though nothing has changed")
		}
	}
	c.rule.Note(now+700, "loewen", attack(now+700), &set)
	if next, _, told := c.tell(now + 700); !told || !next.Since.Equal(one.Since) {
		t.Errorf("it goes on: told %v, since %s, want since %s", told, next.Since, one.Since)
	}
	if got := c.nameFor(attack(now)); got != one.Since.Format("20060102-1504") {
		t.Errorf("its name is %q", got)
	}
	c.follow(nil)
	if p := c.rule.Posture(now + 701); p.Campaign || c.nameFor(attack(now)) != "" {
		t.Errorf("after people have ended it: %+v", p)
	}
}

// TestCarpetIsNoCampaign: an edge that learns of a carpet from another one does not take it for
// a campaign.
func TestCarpetIsNoCampaign(t *testing.T) {
	now := int64(1_796_040_000)
	var c campaign
	c.follow(&levels.Campaign{Carpet: true, Until: time.Unix(now+1800, 0)})
	if p := c.rule.Posture(now); p.Campaign || !p.Carpet || p.Least != shop.Raised {
		t.Errorf("%+v", p)
	}
}
