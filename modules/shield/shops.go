package shield

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

// Shop is one shop of the configuration in force.
type Shop struct {
	ID       shop.ID
	Contact  shop.Contact
	Tally    *tally.Tally
	app      *App
	level    *atomic.Pointer[levels.State]
	table    shop.Table     // what each level does
	watch    Watch          // how it is watched
	stages   map[string]any // the settings of each stage, as JSON shows them
	visits   [][]byte       // the settings of each shop_visit, as JSON
	explains []Explain
	finders  []Find
	fixed    []netip.Prefix          // partners' addresses
	partners []func(netip.Addr) bool // whether an address is a partner's
	onUnban  []Forget
	vouch    Vouch
}

// OnUnban registers how a stage clears what it counted of a client, for when an
// operator unbans the client.
func (s *Shop) OnUnban(forget Forget) { s.onUnban = append(s.onUnban, forget) }

// Vouch reports whether a visitor has a valid time stamp or pass.
type Vouch func(*http.Request, *shop.Visit) bool

// OnVouch registers how a stage vouches for visitors.
func (s *Shop) OnVouch(vouch Vouch) { s.vouch = vouch }

// IsStranger reports whether a visitor has neither a time stamp nor a pass, and could get one
// at the shop's level. Where nobody vouches for visitors, none is a stranger.
func (s *Shop) IsStranger(r *http.Request, v *shop.Visit) bool {
	if v.Standing == shop.Unasked {
		v.Standing = shop.Vouched
		if s.vouch != nil && v.Partner == nil && !s.vouch(r, v) {
			v.Standing = shop.Stranger
		}
	}
	return v.Standing == shop.Stranger
}

// OnFind registers how a stage finds a request by its reference.
func (s *Shop) OnFind(find Find) { s.finders = append(s.finders, find) }

// AppOf finds the app for a stage that is being provisioned, and registers the
// stage's metrics.
func AppOf(ctx caddy.Context, metrics ...prometheus.Collector) (*App, error) {
	found, err := ctx.App("shield")
	if err != nil {
		return nil, fmt.Errorf("finding the shield: %w", err)
	}
	if err := metric.Register(ctx.GetMetricsRegistry(), metrics...); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	app := found.(*App)
	clientip.WarnOfClaims(ctx, &app.warn, app.log)
	return app, nil
}

// Register makes a stage of a shop known to the app. Stages call it when they are
// provisioned; settings is what `theriac shield shops` shows of the stage.
func (a *App) Register(id shop.ID, stage string, settings any, explain Explain) *Shop {
	s := a.shops[id]
	if s == nil {
		s = &Shop{ID: id, Tally: a.runtime.tally(id), app: a, level: a.runtime.levels.Of(id), stages: make(map[string]any)}
		s.table, _ = a.table(nil) // Validate refuses it
		a.shops[id] = s
	}
	if s.stages[stage] == nil && explain != nil {
		s.explains = append(s.explains, explain)
	}
	s.stages[stage] = settings
	if stage == "visit" {
		raw, _ := json.Marshal(settings) // came from JSON
		s.visits = append(s.visits, raw)
	}
	return s
}

// Stages returns the settings of each stage, by the stage's name.
func (s *Shop) Stages() map[string]any { return s.stages }

// Shops returns the shops, by name.
func (a *App) Shops() []*Shop {
	return slices.SortedFunc(maps.Values(a.shops), func(s, t *Shop) int {
		if s.ID < t.ID {
			return -1
		}
		return 1
	})
}

// checkShops refuses a chain without shop_visit, and two shops of one name. A shop
// that listens at two addresses has the same settings twice.
func (a *App) checkShops() error {
	for _, s := range a.Shops() {
		if s.stages["visit"] == nil {
			return fmt.Errorf("shield: shop %q has stages but no shop_visit before them; "+
				"write `shield %s`, which sets up the whole chain, or put `shop_visit %s` into the site", s.ID, s.ID, s.ID)
		}
		if len(slices.CompactFunc(s.visits, bytes.Equal)) > 1 {
			return fmt.Errorf("shield: duplicate shop %q, with different settings of shop_visit; "+
				"give each shop a name of its own", s.ID)
		}
	}
	return nil
}

// Contact returns how refused customers reach a shop.
func (a *App) Contact(id shop.ID) shop.Contact {
	if s := a.shops[id]; s != nil {
		return s.Contact
	}
	return shop.Contact{Name: string(id)}
}

func unknownShop(id shop.ID) error {
	return fmt.Errorf("unknown shop %q; `theriac shield shops` lists the shops of this edge", id)
}
