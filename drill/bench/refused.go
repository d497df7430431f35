package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/drill/load"
)

// bare is the cheapest refusal of Caddy.
var bare = side{name: "bare", site: "\trespond 429", check: bare429}

func bare429(a load.Answer) error {
	if a.Status != http.StatusTooManyRequests || a.Body != 0 {
		return fmt.Errorf("the answer was %d with %d bytes instead of a bare 429", a.Status, a.Body)
	}
	return nil
}

func page429(a load.Answer) error {
	if a.Status != http.StatusTooManyRequests || a.Body == 0 || a.Header.Get("Retry-After") == "" {
		return fmt.Errorf("the answer was %d with %d bytes instead of 429 with Retry-After and a page", a.Status, a.Body)
	}
	return nil
}

// refused is the refusal for people, with its page: none turns compact.
func refused(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, side{
		name: "shield", global: siteOptions, check: page429,
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

// refusedCompact is the refusal of clients that ignore refusals: the penalty of
// the preset is in force.
func refusedCompact(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, side{
		name: "shield", global: strings.Replace(siteOptions, "{\n", "{\n\t\tbans off\n", 1), check: bare429,
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

// refusedBanned is the refusal of banned clients where no gate stands: most keep their
// connection, and some have to open a new one.
func refusedBanned(ctx context.Context, env *Env) (float64, error) {
	return env.compare(ctx, side{
		name: "shield", global: siteOptions, check: bare429, banned: true,
		site: "\tshield loewen {\n\t\twaf off" + roomy + "\n\t}\n\tshop_backend BACKEND",
	}, bare)
}
