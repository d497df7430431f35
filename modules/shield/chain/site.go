package chain

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	httpcaddyfile.RegisterDirective("shield", parseSite)
}

// parseSite reads the directive that puts a shop behind all stages:
//
//	shield <shop> {
//		<subdirectives of the stages...>
//	}
func parseSite(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the directive
	id, err := parseID(h.Dispenser)
	if err != nil {
		return nil, err
	}
	if err := claim(h, id); err != nil {
		return nil, err
	}
	handlers := make([]Handler, len(order))
	readers := make(map[string]Handler)
	var known []string
	for i, stage := range order {
		if stage.Split != nil {
			continue
		}
		handlers[i] = stage.New(id, true)
		for _, name := range stage.Subdirectives {
			readers[name] = handlers[i]
		}
		known = append(known, stage.Subdirectives...)
	}
	for h.NextBlock(0) {
		reader := readers[h.Val()]
		if reader == nil {
			return nil, syntax.Unrecognized(h.Dispenser, "shield", h.Val(), known...)
		}
		if err := reader.UnmarshalSubdirective(h.Dispenser); err != nil {
			return nil, err
		}
	}
	splitSecond(handlers)
	var route caddyhttp.Route
	for i, stage := range order {
		if handlers[i] == nil {
			continue
		}
		raw := caddyconfig.JSONModuleObject(handlers[i], "handler", stage.Directive, nil)
		route.HandlersRaw = append(route.HandlersRaw, raw)
		if i == 0 {
			route.HandlersRaw = append(route.HandlersRaw, refusal)
		}
	}
	return []httpcaddyfile.ConfigValue{
		{Class: "route", Value: route},
		{Class: "error_route", Value: refusalRoute()},
	}, nil
}

// splitSecond makes the handler at the second position of stages that have two.
func splitSecond(handlers []Handler) {
	for i, stage := range order {
		if stage.Split == nil {
			continue
		}
		first := slices.IndexFunc(order, func(s Stage) bool { return s.Directive == stage.Directive })
		handlers[i] = stage.Split(handlers[first])
	}
}

// claim refuses a second site with the same shop: the two would share their limits
// by mistake.
func claim(h httpcaddyfile.Helper, id shop.ID) error {
	const taken = "theriac shop "
	here := fmt.Sprintf("%s:%d", h.File(), h.Line())
	if at, ok := h.State[taken+string(id)]; ok {
		return h.Errf("duplicate shop %q, also at %s: give each shop a name of its own, "+
			"or list all its domains in one site", id, at)
	}
	h.State[taken+string(id)] = here
	return nil
}

// refusal answers refused visitors, right behind the visit.
var refusal = json.RawMessage(`{"handler":"shop_refusal"}`)

// refusalRoute does so behind the shop's own handle_errors, unless that has answered.
func refusalRoute() *caddyhttp.Subroute {
	return &caddyhttp.Subroute{Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{refusal}}}}
}
