package limit

import (
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/shop"
)

// rendered are the classes of what a shop has to compute.
var rendered = []string{"page", "search", "cart", "checkout", "account", "callback", "api", "socket", "public"}

// preset is the default of a pharmacy, narrow zones first. A family or a doctor's practice
// shares one address; orders have a zone of their own, so that a flood of pages does not
// use up theirs, and so has what passes unchallenged by its address alone; and so have
// assets. The page at the 90th percentile makes 179 requests (Web Almanac 2024), and the next
// one comes soon; a catalogue makes 300, all of them before its shop has answered the first
// and shown that they are assets. A /48, which one customer can rent, gets what four subnets
// get.
func preset() []*Zone {
	return []*Zone{
		{
			Name: "client", Key: []string{"client"}, Rate: perSecond(20), Burst: 480,
			PenaltyAfter: 200, Penalty: caddy.Duration(30 * time.Second), Classes: rendered,
		},
		{
			Name: "client_assets", Key: []string{"client"}, Rate: perSecond(300), Burst: 1200,
			PenaltyAfter: 200, Penalty: caddy.Duration(30 * time.Second), Classes: []string{"asset"},
		},
		{
			Name: "attacks", Key: []string{"client"}, Rate: shop.Rate{Events: 10, Per: 10 * time.Minute}, RefusedBy: "waf",
			PenaltyAfter: 20, Penalty: caddy.Duration(time.Minute),
		},
		{Name: "subnet", Key: []string{"subnet"}, Rate: perSecond(200), Burst: 600, Classes: rendered},
		{Name: "subnet_assets", Key: []string{"subnet"}, Rate: perSecond(1000), Burst: 3000, Classes: []string{"asset"}},
		{Name: "site", Key: []string{"site"}, Rate: perSecond(800), Burst: 4800, Classes: rendered},
		{Name: "site_assets", Key: []string{"site"}, Rate: perSecond(4000), Burst: 12000, Classes: []string{"asset"}},
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
			Name: "assets", Key: []string{"shop"}, Rate: perSecond(2000), Burst: 6000,
			Classes: []string{"asset"},
		},
		{
			Name: "public", Key: []string{"shop"}, Rate: perSecond(200), Burst: 800,
			Classes: []string{"public"},
		},
	}
}

func perSecond(events int64) shop.Rate { return shop.Rate{Events: events, Per: time.Second} }
