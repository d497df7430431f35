package watching

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// campaign is what this edge knows of attacks on several shops.
type campaign struct {
	rule  watch.Campaign
	known *levels.Campaign // that all edges know of
	said  int64            // when this edge has told of it last
}

// follow takes in what all edges know. A campaign that people have ended is over.
func (c *campaign) follow(known *levels.Campaign) {
	switch {
	case known != nil:
		stream, _ := watch.ParseStream(known.Stream)
		c.rule.Resume(watch.Posture{Until: known.Until.Unix(), Campaign: !known.Carpet, Carpet: known.Carpet, Stream: stream})
	case c.known != nil:
		c.rule = watch.Campaign{}
	}
	c.known = known
}

// How often an edge that leads tells of a campaign that it sees: it goes on with each shop.
const (
	campaignAgain = 10      // seconds, while the others do not know of it
	campaignLater = 10 * 60 // seconds by which its end must have moved
)

// tell returns the campaign that all edges are to know of, if they do not.
func (c *campaign) tell(at int64) (one levels.Campaign, lasts time.Duration, ok bool) {
	p := c.rule.Posture(at)
	if p.Least == shop.Calm || at-c.said < campaignAgain || c.known != nil && p.Until < c.known.Until.Unix()+campaignLater {
		return levels.Campaign{}, 0, false
	}
	c.said = at
	one.Since = time.Unix(at, 0).UTC()
	if c.known != nil {
		one.Since = c.known.Since
	}
	one.Why, one.Stream = fmt.Sprintf("several shops are attacked in the same way: %s requests", p.Stream), p.Stream.String()
	if p.Carpet && !p.Campaign {
		one.Why, one.Stream, one.Carpet = "several shops are flooded at once, each with little", "", true
	}
	return one, time.Duration(p.Until-at) * time.Second, true
}

// nameFor is that of the campaign which an attacked shop is part of, such as 20261129-1040.
func (c *campaign) nameFor(v *watch.Verdict) string {
	if c.known == nil || v.Need < shop.Attack || c.known.Since.IsZero() {
		return ""
	}
	return c.known.Since.UTC().Format("20060102-1504")
}

// tellCampaign has all edges know the campaign that this one sees, if it leads.
func (w *Watcher) tellCampaign(ctx context.Context, edge Edge, at int64, lead counters.Leadership) {
	if lead.Role == counters.Following {
		return
	}
	if one, lasts, ok := w.campaign.tell(at); ok {
		if err := edge.SetCampaign(ctx, one, lasts); err != nil && ctx.Err() == nil {
			edge.Failed("telling the edges of a campaign", err)
		}
	}
}
