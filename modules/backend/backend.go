// Package backend is the directive `shop_backend`: Caddy's reverse_proxy with
// the settings that a shop under attack needs.
//
// It is the last stage and refuses only CONNECT. What a client says in a proxy's name,
// and offers to change the protocol, do not reach the shop. It fails as reverse_proxy
// does: with 502 if the shop does not answer.
package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/theriac-edge/theriac/modules/shield/chain"
)

func init() {
	caddy.RegisterModule(new(Handler))
	httpcaddyfile.RegisterHandlerDirective("shop_backend", parse)
	httpcaddyfile.RegisterDirectiveOrder("shop_backend", httpcaddyfile.Before, "reverse_proxy")
}

// Handler is Caddy's reverse_proxy and accepts all of its settings. The Caddyfile
// directive sets those that matter under attack unless the operator has, and
// `theriac adapt` shows them.
type Handler struct {
	reverseproxy.Handler

	// Protocols besides WebSocket that clients may change to by the header Upgrade. What
	// flows then is not inspected. Default: none.
	Upgrades []string `json:"upgrades,omitempty"`
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_backend", New: func() caddy.Module { return new(Handler) }}
}

// ServeHTTP passes the request to the shop. It removes the empty body of a request
// that has none: reverse_proxy would buffer it and add a Content-Length to every GET.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	removeForged(r)
	h.ignoreUpgrade(r)
	if r.Method == http.MethodConnect {
		if !chain.IsExtendedConnect(r) {
			return caddyhttp.Error(http.StatusNotImplemented, errNoTunnel)
		}
		r = asHandshake(w, r)
	}
	if r.ContentLength == 0 {
		r.Body = nil
	}
	return h.Handler.ServeHTTP(w, r, next)
}

// errNoTunnel: CONNECT asks a proxy for a tunnel, and a shop is none. RFC 9220, section 3,
// has the status for protocols other than WebSocket.
var errNoTunnel = errors.New("shop_backend: CONNECT opens WebSockets only")

const (
	// idleConns keeps connections for a burst. With Caddy's 32 the transport keeps
	// dialling under load: 64 clients cost a quarter more CPU.
	idleConns = 1024

	// requestBuffer holds a whole form before a worker of the shop gets it, so that
	// a slow POST occupies a connection of the edge and not a worker.
	requestBuffer = 256 << 10

	// closeDelay is how long e-prescription sessions stay open after a reload.
	closeDelay = caddy.Duration(time.Hour)
)

// parse reads `shop_backend`, which has the syntax of reverse_proxy and `upgrades`.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	if err := handler.takeUpgrades(h.Dispenser); err != nil {
		return nil, err
	}
	proxy := &handler.Handler
	if err := proxy.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if err := proxy.FinalizeUnmarshalCaddyfile(h); err != nil {
		return nil, err
	}
	if err := tune(proxy); err != nil {
		return nil, h.WrapErr(err)
	}
	return handler, nil
}

// takeUpgrades reads `upgrades <protocols...>` and removes it, since reverse_proxy does
// not know it.
func (h *Handler) takeUpgrades(d *caddyfile.Dispenser) error {
	d.Next()          // the directive
	d.RemainingArgs() // the upstreams
	for d.NextBlock(0) {
		if d.Val() != "upgrades" {
			d.NextSegment()
			continue
		}
		names := d.RemainingArgs()
		if len(names) == 0 {
			return d.ArgErr()
		}
		h.Upgrades = append(h.Upgrades, names...)
		d.DeleteN(1 + len(names))
	}
	d.Reset()
	return nil
}

// tune sets what the operator left open.
func tune(proxy *reverseproxy.Handler) error {
	if proxy.RequestBuffers == 0 {
		proxy.RequestBuffers = requestBuffer
	}
	if proxy.StreamCloseDelay == 0 {
		proxy.StreamCloseDelay = closeDelay
	}
	transport := map[string]json.RawMessage{"protocol": json.RawMessage(`"http"`)}
	if proxy.TransportRaw != nil {
		if err := json.Unmarshal(proxy.TransportRaw, &transport); err != nil {
			return fmt.Errorf("shop_backend: decoding transport: %w", err)
		}
	}
	if string(transport["protocol"]) != `"http"` {
		return nil // a transport of another module
	}
	var keepAlive reverseproxy.KeepAlive
	if raw, ok := transport["keep_alive"]; ok {
		if err := json.Unmarshal(raw, &keepAlive); err != nil {
			return fmt.Errorf("shop_backend: decoding keep_alive: %w", err)
		}
	}
	if keepAlive.MaxIdleConnsPerHost == 0 {
		keepAlive.MaxIdleConnsPerHost = idleConns
	}
	raw, err := json.Marshal(keepAlive)
	if err != nil {
		return fmt.Errorf("shop_backend: encoding keep_alive: %w", err)
	}
	transport["keep_alive"] = raw
	if proxy.TransportRaw, err = json.Marshal(transport); err != nil {
		return fmt.Errorf("shop_backend: encoding transport: %w", err)
	}
	return nil
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
