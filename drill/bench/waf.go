package bench

import (
	"context"
	"fmt"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/drill/load"
)

// aboutWAF explains the benches of the firewall in the help text.
const aboutWAF = `Each waf_x is followed by two lines about the same request: waf_x_us, microseconds above Caddy without a shield, and
waf_x_crs, the ratio to the firewall with the settings of Coraza and the Core Rule Set instead of ours.
`

// wafBenches are three benches about each request, of one measurement.
func wafBenches() (lines []Bench) {
	for _, r := range wafRequests() {
		name := "waf_" + r.name
		lines = append(lines,
			Bench{
				Name: name, Budget: noBudget, About: r.about + ": the firewall against Caddy without a shield",
				Run: func(ctx context.Context, env *Env) (float64, error) {
					cost, err := env.waf(ctx, r)
					return cost.ratio, err
				},
			},
			Bench{
				Name: name + "_us", Budget: r.budget, Of: name, About: "microseconds of that above Caddy without a shield",
				Run: func(ctx context.Context, env *Env) (float64, error) {
					cost, err := env.waf(ctx, r)
					return cost.above, err
				},
			},
			Bench{
				Name: name + "_crs", Budget: noBudget, Of: name, About: "that against the firewall with the settings of the Core Rule Set",
				Run: func(ctx context.Context, env *Env) (float64, error) {
					cost, err := env.waf(ctx, r)
					return cost.crs, err
				},
			})
	}
	return lines
}

// inspected is the edge as we ship it, with rates so high that neither a limit nor
// the firewall's own share of the machine refuses.
func inspected(r *wafRequest) side {
	return side{
		name: "shield", global: siteOptions, env: tuned.env, check: page, request: r,
		site: "\tshield loewen {" + roomy + `
		waf on {
			time 1h
		}
	}
	shop_backend BACKEND`,
	}
}

// inspectedByDefault is the firewall alone, with the methods, types and bounds
// that Coraza and the Core Rule Set have without our preset.
func inspectedByDefault(r *wafRequest) side {
	return side{
		name: "crs", global: siteOptions, env: tuned.env, check: page, request: r,
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

// uninspected is Caddy with the transport and the pace of garbage collection of
// the other two, so that the difference is the cost of inspecting.
func uninspected(r *wafRequest) side {
	plain := tuned
	plain.name, plain.request = "plain", r
	return plain
}

// wafCost is what one request costs with the firewall on.
type wafCost struct {
	ratio float64 // to Caddy without a shield
	above float64 // µs above that
	crs   float64 // ratio to the settings of the Core Rule Set
}

func runWAF(ctx context.Context, env *Env, r *wafRequest) (c wafCost, err error) {
	costs, err := env.measureInTurn(ctx, inspected(r), uninspected(r), inspectedByDefault(r))
	if err != nil {
		return c, err
	}
	ours, plain, crs := costs[0], costs[1], costs[2]
	above := make([]float64, len(ours))
	for i := range above {
		above[i] = ours[i] - plain[i]
	}
	ratio := spreadOf(quotients(ours, plain))
	fmt.Fprintf(env.Log, "%s: shield %.1f µs, plain %.1f µs, crs %.1f µs per request; %s\n", env.bench,
		spreadOf(ours).median, spreadOf(plain).median, spreadOf(crs).median, ratio)
	return wafCost{ratio.median, spreadOf(above).median, spreadOf(quotients(ours, crs)).median}, nil
}

// Few requests are in flight at a time: fewer than the firewall has slots for on
// the smallest machine, so that none of them waits long.
const (
	wafClients  = 16
	wafInFlight = 4
)

// load is a few clients that all send this request.
func (r *wafRequest) load(e *edge) load.Load {
	by := load.NewClients(e.addr, load.FloodAddrs(wafClients), e.check)
	target := vegeta.Target{Method: r.method, URL: "http://" + e.addr.String() + r.uri, Header: r.header, Body: r.body}
	return load.Load{Clients: by, Targets: []vegeta.Target{target}, Rate: load.Unpaced, Workers: wafInFlight}
}
