package shield

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop"
)

// Stage is one step of the path. The chain of a shop is made of stages that
// know nothing of each other, and the parser of `shield <shop>` knows of a
// stage only what it says here.
type Stage struct {
	// Directive is the name in the Caddyfile and of the handler in the JSON.
	Directive string

	// Words are the sub-blocks of `shield <shop>` that this stage reads.
	Words []string

	// New makes the stage for a shop: with the preset for `shield <shop>`,
	// bare for the directive that stands alone.
	New func(id shop.ID, preset bool) Handler

	// (optional) Rest makes this a second place on the path for the stage with
	// the same directive before it: it takes out of that one what belongs
	// here, or returns nil if nothing does. Words and New are of no use then.
	Rest func(Handler) Handler
}

// Handler is a stage of one shop while its Caddyfile is read.
type Handler interface {
	caddyhttp.MiddlewareHandler

	// UnmarshalWord reads one of the stage's words; d stands on it.
	UnmarshalWord(d *caddyfile.Dispenser) error
}

// path is the order in which a request meets the stages.
var path []Stage

// SetPath registers the stages in the order of the path. They come before
// everything that changes or routes a request, so that no `handle` or
// `rewrite` of a shop can lead around them.
func SetPath(stages ...Stage) {
	path = stages
	httpcaddyfile.RegisterDirectiveOrder("shield", httpcaddyfile.Before, "redir")
	for _, s := range stages {
		if s.Rest != nil {
			continue // known by its first place
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
		if !slices.Contains(s.Words, h.Val()) {
			return nil, Unrecognized(h.Dispenser, s.Directive, h.Val(), s.Words...)
		}
		if err := handler.UnmarshalWord(h.Dispenser); err != nil {
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
		return "", d.Errf("%s needs the name of one shop, such as `%s loewen`", directive, directive)
	}
	id, err := shop.ParseID(name)
	if err != nil {
		return "", d.WrapErr(err)
	}
	return id, nil
}
