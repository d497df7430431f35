package limit

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/shop"
)

// preset is the default of a pharmacy, narrow zones first. A page with all its pictures
// is 20 to 60 requests at once; a family or a doctor's practice shares one address;
// orders have a zone of their own, so that a flood of pages does not use up theirs, and so
// has what passes unchallenged by its address alone.
func preset() []*Zone {
	return []*Zone{
		{
			Name: "client", Key: []string{"client"}, Rate: perSecond(20), Burst: 60,
			PenaltyAfter: 200, Penalty: caddy.Duration(30 * time.Second),
		},
		{
			Name: "attacks", Key: []string{"client"}, Rate: shop.Rate{Events: 10, Per: 10 * time.Minute}, RefusedBy: "waf",
			PenaltyAfter: 20, Penalty: caddy.Duration(time.Minute),
		},
		{Name: "subnet", Key: []string{"subnet"}, Rate: perSecond(200), Burst: 600},
		{
			Name: "pages", Key: []string{"shop"}, Rate: perSecond(200), Burst: 400,
			Classes: []string{"page", "search", "account", "api"},
		},
		{
			Name: "orders", Key: []string{"shop"}, Rate: perSecond(100), Burst: 200,
			Classes: []string{"cart", "checkout", "socket"},
		},
		{
			Name: "notifications", Key: []string{"shop"}, Rate: perSecond(50), Burst: 800,
			Classes: []string{"callback"},
		},
		{
			Name: "assets", Key: []string{"shop"}, Rate: perSecond(1000), Burst: 3000,
			Classes: []string{"asset"},
		},
		{
			Name: "public", Key: []string{"shop"}, Rate: perSecond(200), Burst: 800,
			Classes: []string{"public"},
		},
	}
}

func perSecond(events int64) shop.Rate { return shop.Rate{Events: events, Per: time.Second} }
