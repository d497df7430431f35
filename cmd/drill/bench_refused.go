package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// bare is the least that Caddy does to refuse.
var bare = side{name: "bare", site: "\trespond 429", check: bare429}

func bare429(a answer) error {
	if a.status != http.StatusTooManyRequests || a.body != 0 {
		return fmt.Errorf("the answer was %d with %d bytes instead of a bare 429", a.status, a.body)
	}
	return nil
}

func page429(a answer) error {
	if a.status != http.StatusTooManyRequests || a.body == 0 || a.header.Get("Retry-After") == "" {
		return fmt.Errorf("the answer was %d with %d bytes instead of 429 with Retry-After and a page", a.status, a.body)
	}
	return nil
}

// refused is for visitors who read why: no refusal turns compact.
func refused(ctx context.Context, l *lab) (float64, error) {
	return l.compare(ctx, side{
		name: "shield", global: house, check: page429,
		site: `	shield loewen {
		waf off
		compact_after 2000000000
		limit client {
			rate 1/h
			burst 1
			penalty 2000000000 1s
		}
	}
	shop_backend BACKEND`,
	}, bare)
}

// refusedCompact is for clients who do not: the preset's penalty holds. A ban
// would end each connection, and measure what a new one costs.
func refusedCompact(ctx context.Context, l *lab) (float64, error) {
	return l.compare(ctx, side{
		name: "shield", global: strings.Replace(house, "{\n", "{\n\t\tbans off\n", 1), check: bare429,
		site: `	shield loewen {
		waf off
		compact_after 1
		limit client {
			rate 1/h
			burst 1
		}
	}
	shop_backend BACKEND`,
	}, bare)
}
