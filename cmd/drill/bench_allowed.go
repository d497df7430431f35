package main

import (
	"context"
	"fmt"
	"net/http"
)

// page wants the backend's page.
func page(a answer) error {
	if a.status != http.StatusOK || a.body < 1000 {
		return fmt.Errorf("the answer was %d with %d bytes instead of 200 with the shop's page", a.status, a.body)
	}
	return nil
}

// house is the app of an edge of its own, and the log as we ship it.
const house = `	shield {
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

// roomy are the zones of the preset with so much room that none refuses.
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

// shielded is the edge as we ship it, each zone of the preset asked, but for
// the firewall, whose cost is that of the request: it has lines of its own.
var shielded = side{
	name:   "shield",
	global: house,
	site:   "\tshield loewen {\n\t\twaf off" + roomy + "\n\t}\n\tshop_backend BACKEND",
	check:  page,
}

// stock is Caddy's reverse_proxy as it comes.
var stock = side{name: "stock", site: "\treverse_proxy BACKEND", check: page}

// tuned is reverse_proxy with the transport and the pace of garbage
// collection that the shield brings along.
var tuned = side{
	name: "tuned",
	site: `	reverse_proxy BACKEND {
		transport http {
			keepalive_idle_conns_per_host 1024
		}
	}`,
	env:   []string{"GOGC=400"},
	check: page,
}

func allowed(ctx context.Context, l *lab) (float64, error) {
	return l.compare(ctx, shielded, stock)
}

func allowedTuned(ctx context.Context, l *lab) (float64, error) {
	ours := shielded
	ours.env = tuned.env
	return l.compare(ctx, ours, tuned)
}

// noise compares two equal edges.
func noise(ctx context.Context, l *lab) (float64, error) {
	same := stock
	same.name = "same"
	return l.compare(ctx, stock, same)
}
