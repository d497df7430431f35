package shield

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// findServers remembers the servers, which know which proxies they trust.
func (a *App) findServers() {
	if found, err := a.ctx.AppIfConfigured("http"); err == nil {
		a.servers = slices.Collect(maps.Values(found.(*caddyhttp.App).Servers))
	}
}

// trusts reports whether a server trusts a proxy in a prefix: any address of an
// IPv4 prefix, of which there are 256 at most, or the first of an IPv6
// prefix.
func (a *App) trusts(prefix netip.Prefix) bool {
	addr := prefix.Masked().Addr()
	for prefix.Contains(addr) {
		for _, server := range a.servers {
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
	return behindProxy(caddyhttp.PrepareRequest(r, caddy.NewEmptyReplacer(), nil, server))
}
