// Package chain is the chain of stages in front of a shop: how a stage is described and put in
// its position, how its part of `shield <shop>` is read, and what stages hand to each other,
// which is the visit and a refusal.
//
// Stages know nothing of each other. Without a visit, which shop_visit makes, they have nothing
// to do.
package chain

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop"
)

// Stage is one step of the path. The chain of a shop consists of stages that know
// nothing of each other, and the parser of `shield <shop>` knows nothing of a stage
// besides this.
type Stage struct {
	// Directive is the name in the Caddyfile and of the handler in the wants.JSON.
	Directive string

	// Subdirectives of `shield <shop>` that this stage reads.
	Subdirectives []string

	// New makes the stage for a shop: with the preset for `shield <shop>`, bare
	// for the stage's own directive.
	New func(id shop.ID, preset bool) Handler

	// (optional) Split makes this a second position for the stage with the same
	// directive before it: it moves out of that handler what belongs here, or
	// returns nil if nothing does. Subdirectives and New are not used then.
	Split func(Handler) Handler
}

// Handler is a stage of one shop while its Caddyfile is read.
type Handler interface {
	caddyhttp.MiddlewareHandler

	// UnmarshalSubdirective reads one of the stage's subdirectives; it is the
	// current token of d.
	UnmarshalSubdirective(d *caddyfile.Dispenser) error
}

// OwnPaths is where the challenge serves what belongs to it, on every shop's host.
const OwnPaths = "/.theriac/"

// order is the order in which a request meets the stages.
var order []Stage

// SetOrder registers the stages in the order of the path. They come before
// everything that changes or routes a request, so that no `handle` or
// `rewrite` of a shop can lead around them.
func SetOrder(stages ...Stage) {
	order = stages
	httpcaddyfile.RegisterDirectiveOrder("shield", httpcaddyfile.Before, "redir")
	for _, s := range stages {
		if s.Split != nil {
			continue // registered at its first position
		}
		httpcaddyfile.RegisterHandlerDirective(s.Directive, s.parseAlone)
		httpcaddyfile.RegisterDirectiveOrder(s.Directive, httpcaddyfile.Before, "redir")
	}
}

// parseAlone reads a stage outside of `shield`: `shop_limit loewen { … }`.
func (s Stage) parseAlone(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the directive
	id, err := parseID(h.Dispenser)
	if err != nil {
		return nil, err
	}
	handler := s.New(id, false)
	for h.NextBlock(0) {
		if !slices.Contains(s.Subdirectives, h.Val()) {
			return nil, syntax.Unrecognized(h.Dispenser, s.Directive, h.Val(), s.Subdirectives...)
		}
		if err := handler.UnmarshalSubdirective(h.Dispenser); err != nil {
			return nil, err
		}
	}
	return handler, nil
}

// parseID reads the shop's name after a directive.
func parseID(d *caddyfile.Dispenser) (shop.ID, error) {
	directive := d.Val()
	var name string
	if !d.AllArgs(&name) {
		return "", d.Errf("missing name of the shop: write it as `%s loewen`", directive)
	}
	id, err := shop.ParseID(name)
	if err != nil {
		return "", d.WrapErr(err)
	}
	return id, nil
}
