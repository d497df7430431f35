package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/shop"
)

// bare503 is the least that Caddy does to say that a shop cannot serve now.
var bare503 = side{
	name: "bare", site: "\trespond 503",
	check: func(a answer) error {
		if a.status != http.StatusServiceUnavailable || a.body != 0 {
			return fmt.Errorf("the answer was %d with %d bytes instead of a bare 503", a.status, a.body)
		}
		return nil
	},
}

// challenged is the edge of an attacked shop as we ship it: the limits of
// single clients are asked first, with so much room that none refuses. No
// request gets as far as the firewall.
var challenged = side{
	name: "shield", global: house, level: shop.Attack,
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
	check: func(a answer) error {
		if a.status != http.StatusServiceUnavailable || a.body < 1000 || a.header.Get("Content-Encoding") != "gzip" {
			return fmt.Errorf("the answer was %d with %d bytes (%s) instead of 503 with a compressed challenge",
				a.status, a.body, a.header.Get("Content-Encoding"))
		}
		return nil
	},
}

// asManyBytes is what Caddy by itself needs to send an answer of the size of a
// challenge: 5.2 KB and as long a header.
var asManyBytes = side{
	name: "bytes",
	site: "\theader {\n\t\tCache-Control no-store\n\t\tContent-Encoding gzip\n\t\tContent-Type \"text/html; charset=utf-8\"\n" +
		"\t\tRetry-After 60\n\t\tContent-Security-Policy " + strings.Repeat("x", 300) + "\n\t}\n" +
		"\trespond " + strings.Repeat("x", 5200) + " 503",
	check: func(a answer) error {
		if a.status != http.StatusServiceUnavailable || a.body != 5200 {
			return fmt.Errorf("the answer was %d with %d bytes instead of 503 with 5200", a.status, a.body)
		}
		return nil
	},
}

func challengePage(ctx context.Context, l *lab) (float64, error) {
	return l.compare(ctx, challenged, bare503)
}

func challengeBytes(ctx context.Context, l *lab) (float64, error) {
	return l.compare(ctx, challenged, asManyBytes)
}
