// Package health is the directive `shop_health`, which load balancers, keepalived and BGP
// daemons ask whether this edge should get traffic.
//
// The response is about this edge alone. A lost Redis, a scrubber that does not answer and
// a shop that is down are no reason to send its customers elsewhere: another edge has the
// same ones. If it does not respond, the edge is not running.
package health

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/life"
)

func init() {
	caddy.RegisterModule(new(Handler))
	httpcaddyfile.RegisterHandlerDirective("shop_health", parse)
	httpcaddyfile.RegisterDirectiveOrder("shop_health", httpcaddyfile.Before, "respond")
}

// Handler responds to every request with 200, or with 503 while the edge is draining: it
// was drained by an operator, or is about to end.
type Handler struct{}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_health", New: func() caddy.Module { return new(Handler) }}
}

// ServeHTTP looks neither at method and path nor at headers: checkers send HEAD, OPTIONS or
// GET, with HTTP/1.0, and without User-Agent or Host.
func (*Handler) ServeHTTP(w http.ResponseWriter, _ *http.Request, _ caddyhttp.Handler) error {
	status, text := http.StatusOK, "ok\n"
	if life.Draining() {
		status, text = http.StatusServiceUnavailable, "draining\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := io.WriteString(w, text)
	return err
}

// parse reads `shop_health`, which has no settings.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next() // the directive
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	if h.NextBlock(0) {
		return nil, h.Errf("unrecognized subdirective %q: shop_health has none", h.Val())
	}
	return new(Handler), nil
}

// Interface guards.
var (
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
