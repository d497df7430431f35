package limit

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// TestZonesCountByTheEnd: a zone that counts what a stage refused counts what
// the visitor did wrong, and neither the shop's faults nor the edge's.
func TestZonesCountByTheEnd(t *testing.T) {
	refused := func(stage, rule string, status int) (*shop.Visit, error) {
		v := new(shop.Visit)
		return v, chain.RefuseAs(v, status, shop.Outcome{Stage: stage, Rule: rule}, "")
	}
	attacks, logins := &Zone{RefusedBy: "waf"}, &Zone{statuses: map[int]bool{401: true, 403: true}}
	for name, c := range map[string]struct {
		visit func() (*shop.Visit, error)
		zone  *Zone
		want  bool
	}{
		"an attack":                         {func() (*shop.Visit, error) { return refused("waf", "crs", 403) }, attacks, true},
		"too many fields":                   {func() (*shop.Visit, error) { return refused("waf", "arguments", 413) }, attacks, true},
		"an attack, in an error of another": {wrapped(refused("waf", "crs", 403)), attacks, true},
		"a leak of the shop":                {func() (*shop.Visit, error) { return refused("waf", "leak", 502) }, attacks, false},
		"an edge that is busy":              {func() (*shop.Visit, error) { return refused("waf", "busy", 503) }, attacks, false},
		"another stage":                     {func() (*shop.Visit, error) { return refused("challenge", "page", 403) }, attacks, false},
		"what passes":                       {ended(shop.Visit{Status: 200}, nil), attacks, false},
		"a 403 of the shop's own":           {ended(shop.Visit{Status: 403}, nil), attacks, false},
		"a shop that is not there":          {ended(shop.Visit{}, caddyhttp.Error(http.StatusBadGateway, errors.New("refused"))), attacks, false},
		"an edge without a shop":            {ended(shop.Visit{}, errors.New("broken")), attacks, false},

		"a failed log-in":             {ended(shop.Visit{Status: 401}, nil), logins, true},
		"a log-in":                    {ended(shop.Visit{Status: 302}, nil), logins, false},
		"an attack that looks like 1": {func() (*shop.Visit, error) { return refused("waf", "crs", 403) }, logins, false},
	} {
		v, err := c.visit()
		if got := c.zone.matchesResponse(v, err); got != c.want {
			t.Errorf("%s counts: %t, want %t", name, got, c.want)
		}
	}
	if !attacks.afterResponse() || !logins.afterResponse() || new(Zone).afterResponse() {
		t.Error("a zone counts before the answer, or after it, and should not")
	}
}

// TestSiteCountsIPv6 only: IPv4 clients have no /48, and would share one bucket.
func TestSiteCountsIPv6(t *testing.T) {
	site := &Zone{Key: []string{"site"}, classes: shop.AllClasses}
	subnet := &Zone{Key: []string{"subnet"}, classes: shop.AllClasses}
	for _, z := range []*Zone{site, subnet} {
		if err := z.composeKey(); err != nil || z.isPerClient() || z.limit.Spread {
			t.Fatalf("key %q: %v, per client %t, spread %t", z.Key, err, z.isPerClient(), z.limit.Spread)
		}
	}
	v4, v6 := new(shop.Visit), &shop.Visit{Site: netkey.Key{1}}
	if site.counts(v4, nil) || !site.counts(v6, nil) {
		t.Errorf("a zone by site counts IPv4: %t, IPv6: %t", site.counts(v4, nil), site.counts(v6, nil))
	}
	if !subnet.counts(v4, nil) || !subnet.counts(v6, nil) {
		t.Error("a zone by subnet does not count both")
	}
}

func ended(v shop.Visit, err error) func() (*shop.Visit, error) {
	return func() (*shop.Visit, error) { return &v, err }
}

func wrapped(v *shop.Visit, err error) func() (*shop.Visit, error) {
	return func() (*shop.Visit, error) { return v, fmt.Errorf("of another: %w", err) }
}
