package bench

import (
	"context"
	"fmt"
)

// sieveBenches are a bench of the sieve for each request of the firewall.
func sieveBenches() (lines []Bench) {
	for _, r := range wafRequests() {
		lines = append(lines, Bench{
			Name: "sieve_" + r.name, Budget: noBudget,
			About: r.about + ": what the firewall takes without the sieve against with it",
			Run: func(ctx context.Context, env *Env) (float64, error) {
				return env.sieve(ctx, r)
			},
		})
	}
	return lines
}

// withWAF is the edge as we ship it, with these lines about the firewall.
func withWAF(name, waf string, r *wafRequest) side {
	return side{
		name: name, global: siteOptions, env: tuned.env, check: page, request: r,
		site: "\tshield loewen {" + roomy + "\n\t\twaf " + waf + "\n\t}\n\tshop_backend BACKEND",
	}
}

// sieve returns how many times cheaper a request is with the sieve: both above an edge whose
// firewall is off, so that the ratio is not about gate, limits and backend.
func (v *Env) sieve(ctx context.Context, r *wafRequest) (float64, error) {
	costs, err := v.measureInTurn(ctx, withWAF("off", "off", r),
		withWAF("all rules", "on {\n\t\t\tsieve off\n\t\t\ttime 1h\n\t\t}", r), withWAF("sieve", "on {\n\t\t\tsieve on\n\t\t\ttime 1h\n\t\t}", r))
	if err != nil {
		return 0, err
	}
	ratios := make([]float64, len(costs[0]))
	for i, off := range costs[0] {
		ratios[i] = (costs[1][i] - off) / (costs[2][i] - off)
	}
	ratio := spreadOf(ratios)
	fmt.Fprintf(v.Log, "%s: off %.1f µs, all rules %.1f µs, sieve %.1f µs per request; %s\n", v.bench,
		spreadOf(costs[0]).median, spreadOf(costs[1]).median, spreadOf(costs[2]).median, ratio)
	return ratio.median, nil
}
