package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/shop"
)

// bare503 is the cheapest way in which Caddy answers that a shop is unavailable.
var bare503 = side{
	name: "bare", site: "\trespond 503",
	check: func(a load.Answer) error {
		if a.Status != http.StatusServiceUnavailable || a.Body != 0 {
			return fmt.Errorf("the answer was %d with %d bytes instead of a bare 503", a.Status, a.Body)
		}
		return nil
	},
}

// challenged is the edge of a shop under attack as we ship it: the limits per
// client come first, with rates so high that none refuses. No request reaches the
// firewall.
var challenged = side{
	name: "shield", global: siteOptions, level: shop.Attack,
	site: `	shield loewen {
		waf off
		limit client {
			rate 100000/s
			burst 1000000
		}
		limit subnet {
			rate 100000/s
			burst 1000000
		}
	}
	shop_backend BACKEND`,
	check: func(a load.Answer) error {
		if a.Status != http.StatusServiceUnavailable || a.Body < 1000 || a.Header.Get("Content-Encoding") != "gzip" {
			return fmt.Errorf("the answer was %d with %d bytes (%s) instead of 503 with a compressed challenge",
				a.Status, a.Body, a.Header.Get("Content-Encoding"))
		}
		return nil
	},
}

// asManyBytes is plain Caddy sending an answer of the size of a challenge: 5.2 KB
// and as long a header.
var asManyBytes = side{
	name: "bytes",
	site: "\theader {\n\t\tCache-Control no-store\n\t\tContent-Encoding gzip\n\t\tContent-Type \"text/html; charset=utf-8\"\n" +
		"\t\tRetry-After 60\n\t\tContent-Security-Policy " + strings.Repeat("x", 300) + "\n\t}\n" +
		"\trespond " + strings.Repeat("x", 5200) + " 503",
	check: func(a load.Answer) error {
		if a.Status != http.StatusServiceUnavailable || a.Body != 5200 {
			return fmt.Errorf("the answer was %d with %d bytes instead of 503 with 5200", a.Status, a.Body)
		}
		return nil
	},
}

func challengePage(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, challenged, bare503)
}

func challengeBytes(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, challenged, asManyBytes)
}
