// Package backend is the directive `shop_backend`: Caddy's reverse_proxy with
// the settings that a shop under attack needs.
//
// It adds nothing at run time. What it writes is an ordinary reverse_proxy
// handler, so `theriac adapt` shows every setting, and whatever the operator
// sets stays as it is. It fails as reverse_proxy does.
package backend

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("shop_backend", parse)
	httpcaddyfile.RegisterDirectiveOrder("shop_backend", httpcaddyfile.Before, "reverse_proxy")
}

const (
	// idleConns keeps connections for a burst. With Caddy's 32 the transport
	// dials anew all the time under load: 64 clients cost a quarter more CPU.
	idleConns = 1024

	// requestBuffer takes a whole form before a worker of the shop is asked,
	// so that a slow POST holds a connection of the edge and no worker.
	requestBuffer = 256 << 10

	// closeDelay lets e-prescription sessions end by themselves when the
	// configuration changes.
	closeDelay = caddy.Duration(time.Hour)
)

// parse reads `shop_backend`, which takes all that reverse_proxy takes.
func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	proxy := new(reverseproxy.Handler)
	if err := proxy.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	if err := proxy.FinalizeUnmarshalCaddyfile(h); err != nil {
		return nil, err
	}
	if err := tune(proxy); err != nil {
		return nil, h.WrapErr(err)
	}
	return proxy, nil
}

// tune fills in what the operator left open.
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
			return fmt.Errorf("shop_backend: reading the transport: %w", err)
		}
	}
	if string(transport["protocol"]) != `"http"` {
		return nil // somebody else's transport
	}
	var keepAlive reverseproxy.KeepAlive
	if raw, ok := transport["keep_alive"]; ok {
		if err := json.Unmarshal(raw, &keepAlive); err != nil {
			return fmt.Errorf("shop_backend: reading keep_alive: %w", err)
		}
	}
	if keepAlive.MaxIdleConnsPerHost == 0 {
		keepAlive.MaxIdleConnsPerHost = idleConns
	}
	raw, err := json.Marshal(keepAlive)
	if err != nil {
		return fmt.Errorf("shop_backend: writing keep_alive: %w", err)
	}
	transport["keep_alive"] = raw
	if proxy.TransportRaw, err = json.Marshal(transport); err != nil {
		return fmt.Errorf("shop_backend: writing the transport: %w", err)
	}
	return nil
}
