package shield

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop"
)

func init() {
	httpcaddyfile.RegisterDirective("shield", parseSite)
}

// parseSite reads the one line that puts a shop behind the whole path:
//
//	shield <shop> {
//		<words of the stages...>
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
	handlers := make([]Handler, len(path))
	readers := make(map[string]Handler)
	var words []string
	for i, stage := range path {
		if stage.Rest != nil {
			continue
		}
		handlers[i] = stage.New(id, true)
		for _, word := range stage.Words {
			readers[word] = handlers[i]
		}
		words = append(words, stage.Words...)
	}
	for h.NextBlock(0) {
		reader := readers[h.Val()]
		if reader == nil {
			return nil, Unrecognized(h.Dispenser, "shield", h.Val(), words...)
		}
		if err := reader.UnmarshalWord(h.Dispenser); err != nil {
			return nil, err
		}
	}
	divide(handlers)
	var route caddyhttp.Route
	for i, stage := range path {
		if handlers[i] == nil {
			continue
		}
		raw := caddyconfig.JSONModuleObject(handlers[i], "handler", stage.Directive, nil)
		route.HandlersRaw = append(route.HandlersRaw, raw)
	}
	return []httpcaddyfile.ConfigValue{
		{Class: "route", Value: route},
		{Class: "error_route", Value: refusalRoute()},
	}, nil
}

// divide gives stages that stand at two places on the path their second one.
func divide(handlers []Handler) {
	for i, stage := range path {
		if stage.Rest == nil {
			continue
		}
		first := slices.IndexFunc(path, func(s Stage) bool { return s.Directive == stage.Directive })
		handlers[i] = stage.Rest(handlers[first])
	}
}

// claim refuses a second site with the same shop: the two would share their
// limits without anybody having meant it.
func claim(h httpcaddyfile.Helper, id shop.ID) error {
	const taken = "theriac shop "
	here := fmt.Sprintf("%s:%d", h.File(), h.Line())
	if at, ok := h.State[taken+string(id)]; ok {
		return h.Errf("shop %q stands already at %s; give each shop a name of its own, "+
			"or list all its domains in one site", id, at)
	}
	h.State[taken+string(id)] = here
	return nil
}

// refusalRoute lets the shop's own handle_errors speak first and answers
// refused visitors otherwise.
func refusalRoute() *caddyhttp.Subroute {
	handler := json.RawMessage(`{"handler":"shop_refusal"}`)
	return &caddyhttp.Subroute{Routes: caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{handler}}}}
}
