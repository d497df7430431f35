package bench

import (
	"context"
	"fmt"
	"net/http"

	"github.com/theriac-edge/theriac/drill/load"
)

// page expects the backend's page.
func page(a load.Answer) error {
	if a.Status != http.StatusOK || a.Body < 1000 {
		return fmt.Errorf("the answer was %d with %d bytes instead of 200 with the shop's page", a.Status, a.Body)
	}
	return nil
}

// siteOptions are the global options of a single edge, with the log as we ship it.
const siteOptions = `	shield {
		watch shadow
		node drill
		secret only-for-drills-on-loopback
	}
	log {
		format filter {
			wrap json
			fields {
				request delete
			}
		}
	}`

// roomy are the zones of the preset with rates so high that none refuses.
const roomy = `
		limit client {
			rate 100000/s
			burst 1000000
		}
		limit subnet {
			rate 100000/s
			burst 1000000
		}
		limit pages {
			rate 1000000/s
			burst 10000000
		}
		limit orders {
			rate 1000000/s
			burst 10000000
		}
		limit assets {
			rate 1000000/s
			burst 10000000
		}`

// shielded is the edge as we ship it, with each zone of the preset, but without
// the firewall, whose cost depends on the request: it has benches of its own.
var shielded = side{
	name:   "shield",
	global: siteOptions,
	site:   "\tshield loewen {\n\t\twaf off" + roomy + "\n\t}\n\tshop_backend BACKEND",
	check:  page,
}

// stock is Caddy's reverse_proxy with its defaults.
var stock = side{name: "stock", site: "\treverse_proxy BACKEND", check: page}

// tuned is reverse_proxy with the transport that the shield has.
var tuned = side{
	name: "tuned",
	site: `	reverse_proxy BACKEND {
		transport http {
			keepalive_idle_conns_per_host 1024
		}
	}`,
	check: page,
}

func allowed(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, shielded, stock)
}

func allowedTuned(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, shielded, tuned)
}

// selfTest compares two equal edges.
func selfTest(ctx context.Context, env *Env) (float64, error) {
	same := stock
	same.name = "same"
	return env.compare(ctx, stock, same)
}
