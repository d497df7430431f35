package clientip

import (
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// Servers are those of a configuration, which know which proxies they trust.
type Servers []*caddyhttp.Server

// Trust reports whether one of the servers trusts a proxy in a prefix: any address of an
// IPv4 prefix, of which there are 256 at most, or the first of an IPv6
// prefix.
func (s Servers) Trust(prefix netip.Prefix) bool {
	addr := prefix.Masked().Addr()
	for prefix.Contains(addr) {
		for _, server := range s {
			if IsProxy(server, addr) {
				return true
			}
		}
		if addr = addr.Next(); addr.Is6() {
			return false
		}
	}
	return false
}

// IsProxy reports whether a server trusts the proxy at an address. Caddy has no
// list that could be read, since its sources may change at any time, but it
// decides for each request; so this makes a request.
func IsProxy(server *caddyhttp.Server, peer netip.Addr) bool {
	r := &http.Request{Method: http.MethodGet, URL: new(url.URL), Header: make(http.Header), RemoteAddr: netip.AddrPortFrom(peer, 1).String()}
	return BehindProxy(caddyhttp.PrepareRequest(r, caddy.NewEmptyReplacer(), nil, server))
}

// WarnOfClaims tells operators once for each configuration, also at `theriac validate`,
// which servers believe what clients say of their own address.
func WarnOfClaims(ctx caddy.Context, once *sync.Once, log *zap.Logger) {
	for _, module := range ctx.Modules() {
		app, ok := module.(*caddyhttp.App)
		if !ok {
			continue
		}
		once.Do(func() {
			for name, server := range app.Servers {
				if server.TrustedProxiesStrict == 0 && trustsSome(server) {
					log.Warn("trusted_proxies without trusted_proxies_strict: behind a proxy that appends to X-Forwarded-For, "+
						"each visitor chooses its own address and has a new limit with every one; add trusted_proxies_strict",
						zap.String("server", name))
				}
			}
		})
	}
}

// trustsSome reports whether a server trusts any proxies. Caddy forgets the setting when it
// has read it, and keeps what it has made of it to itself.
func trustsSome(server *caddyhttp.Server) bool {
	source := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	return server.TrustedProxiesUnix || len(server.TrustedProxiesRaw) > 0 ||
		source.IsValid() && source.Kind() == reflect.Interface && !source.IsNil()
}
