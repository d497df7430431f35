package main

import (
	"context"
	"fmt"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// aboutWAF is what the lines of the firewall have in common, for people.
const aboutWAF = `Each waf_x is followed by two lines about the same request: waf_x_us, microseconds above Caddy without a shield, and
waf_x_crs, the ratio to the firewall with the settings of Coraza and the Core Rule Set instead of ours.
`

// wafBenches are three lines about each request, of one measurement.
func wafBenches() (lines []Bench) {
	for _, r := range wafRequests() {
		name := "waf_" + r.name
		lines = append(lines,
			Bench{
				Name: name, Budget: told, About: r.about + ": the firewall against Caddy without a shield",
				Run: func(ctx context.Context, l *lab) (float64, error) {
					cost, err := l.waf(ctx, r)
					return cost.ratio, err
				},
			},
			Bench{
				Name: name + "_us", Budget: r.budget, Of: name, About: "microseconds of that above Caddy without a shield",
				Run: func(ctx context.Context, l *lab) (float64, error) {
					cost, err := l.waf(ctx, r)
					return cost.above, err
				},
			},
			Bench{
				Name: name + "_crs", Budget: told, Of: name, About: "that against the firewall with the settings of the Core Rule Set",
				Run: func(ctx context.Context, l *lab) (float64, error) {
					cost, err := l.waf(ctx, r)
					return cost.crs, err
				},
			})
	}
	return lines
}

// inspected is the edge as we ship it, with so much room that neither a limit
// nor the firewall's own share of the machine refuses.
func inspected(r *wafRequest) side {
	return side{
		name: "shield", global: house, env: tuned.env, check: page, asks: r,
		site: "\tshield loewen {" + roomy + `
		waf on {
			time 1h
		}
	}
	shop_backend BACKEND`,
	}
}

// inspectedAsItComes is the firewall alone, with the methods, types and bounds
// that Coraza and the Core Rule Set have without our preset.
func inspectedAsItComes(r *wafRequest) side {
	return side{
		name: "crs", global: house, env: tuned.env, check: page, asks: r,
		site: `	shop_visit loewen
	shop_waf loewen {
		waf on {
			methods GET HEAD POST OPTIONS
			types application/x-www-form-urlencoded multipart/form-data text/xml application/xml application/soap+xml application/json
			body 128MiB
			text 128MiB
			arguments 1000
			parts 1000
			cookies 1000
			depth 1024
			time 1h
		}
	}
	shop_backend BACKEND`,
	}
}

// uninspected is Caddy with the transport and the pace of garbage collection
// of the other two, so that what is left is what inspecting costs.
func uninspected(r *wafRequest) side {
	plain := tuned
	plain.name, plain.asks = "plain", r
	return plain
}

// wafCost is what one request costs with the firewall on.
type wafCost struct {
	ratio float64 // to Caddy without a shield
	above float64 // µs above that
	crs   float64 // ratio to the settings of the Core Rule Set
}

func runWAF(ctx context.Context, l *lab, r *wafRequest) (c wafCost, err error) {
	costs, err := l.contest(ctx, inspected(r), uninspected(r), inspectedAsItComes(r))
	if err != nil {
		return c, err
	}
	ours, plain, crs := costs[0], costs[1], costs[2]
	above := make([]float64, len(ours))
	for i := range above {
		above[i] = ours[i] - plain[i]
	}
	ratio := spreadOf(quotients(ours, plain))
	fmt.Fprintf(l.log, "%s: shield %.1f µs, plain %.1f µs, crs %.1f µs a request; %s\n", l.bench,
		spreadOf(ours).median, spreadOf(plain).median, spreadOf(crs).median, ratio)
	return wafCost{ratio.median, spreadOf(above).median, spreadOf(quotients(ours, crs)).median}, nil
}

// A firewall works on few requests at a time: fewer than it has slots for on
// the smallest machine, and none of them waits long.
const (
	wafClients  = 16
	wafInFlight = 4
)

// load is a few clients who all send this request.
func (r *wafRequest) load(e *edge) load {
	by := newSources(e.addr, floodFrom(wafClients), e.check)
	target := vegeta.Target{Method: r.method, URL: "http://" + e.addr.String() + r.uri, Header: r.header, Body: r.body}
	return load{by: by, targets: []vegeta.Target{target}, rate: unpaced, workers: wafInFlight}
}
