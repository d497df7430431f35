package limit

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/wants"
	"github.com/theriac-edge/theriac/shop"
)

// byLevel is a limit at each level of the shop. The table of the shop is known when all of
// its stages are, so it is made with the first request.
type byLevel func() *[shop.Levels]counters.Limit

// reduced returns what is left of a limit at each level.
func reduced(of *counters.Limit, table *shop.Table, share func(*shop.Measures) shop.Percent) byLevel {
	return sync.OnceValue(func() *[shop.Levels]counters.Limit {
		all := new([shop.Levels]counters.Limit)
		for level := range all {
			percent := max(1, share(&table[level]))
			all[level].Interval = of.Interval * 100 / time.Duration(percent)
			all[level].Burst, all[level].Spread = percent.Of(of.Burst), of.Spread
		}
		return all
	})
}

func ofSubnet(m *shop.Measures) shop.Percent { return m.Subnet }

// countsNetwork reports whether a zone counts the clients of a subnet or site together.
func (z *Zone) countsNetwork() bool {
	return !z.afterResponse() && (slices.Equal(z.Key, []string{"subnet"}) || slices.Equal(z.Key, []string{"site"}))
}

// checkStranger counts a stranger's request in the part of a subnet's or site's limit that
// all strangers there may use up. What is left is for customers in the same network. Beyond
// it a person is suspicious and so gets the challenge; it is the way to a pass for a carrier's
// or an office's customers. A script is refused.
func (h *Handler) checkStranger(z *Zone, w http.ResponseWriter, r *http.Request, v *shop.Visit) (refused bool, err error) {
	if v.Level == shop.Calm || !shop.Dynamic.Has(v.Class) || !h.joined.IsStranger(r, v) {
		return false, nil
	}
	network := v.Subnet
	if z.perSite {
		network = v.Site
	}
	d := h.store.Take(network.Of(string(h.Shop), z.strangersRule), &z.strangers()[v.Level], v.Start)
	switch {
	case d.Allowed():
		return false, nil
	case z.shadow:
		z.outcomes.shadowed.Inc()
		return false, nil
	case wants.Of(r, v.Class) == wants.HTML:
		v.Trust = min(v.Trust, shop.Suspicious)
		return false, nil
	}
	z.outcomes.refused.Inc()
	z.logRefusal(v, d)
	w.Header()["Retry-After"] = retryAfter(d.Wait)
	return true, chain.Refuse(v, http.StatusTooManyRequests, shop.Outcome{Stage: "limit", Rule: z.Name}, d.Wait)
}

// laterCrawler is when a crawler is to come again whose budget is used up while the shop is
// heavily attacked. Search engines take 503 with a Retry-After for what it is, keep the pages
// that they know, and come less often; for a day or two, see
// https://developers.google.com/crawling/docs/crawlers-fetchers/reduce-crawl-rate
const laterCrawler = 10 * time.Minute

// refuseCrawler ends a crawler's request with a bare 503.
func refuseCrawler(z *Zone, w http.ResponseWriter, v *shop.Visit) {
	z.outcomes.compact.Inc()
	v.Outcome = shop.Outcome{Stage: "limit", Rule: z.Name}
	w.Header()["Retry-After"] = retryAfter(laterCrawler)
	w.WriteHeader(http.StatusServiceUnavailable)
}
