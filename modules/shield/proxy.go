package shield

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ClientAddr returns the address that Caddy trusts; zero if it cannot be read, as
// behind a unix socket.
func ClientAddr(r *http.Request) netip.Addr {
	if addr := inBrackets(r); addr.IsValid() {
		return PlainAddr(addr)
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return PlainAddr(addr)
}

// inBrackets returns the client's address where a proxy has written one in brackets without
// a port, [2001:db8::1]. Caddy does not read that: it would take the proxy for the client, or
// with trusted_proxies_strict an address before it, which the client may have invented.
func inBrackets(r *http.Request) (addr netip.Addr) {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil || !behindProxy(r) {
		return addr
	}
	for _, name := range server.ClientIPHeaders {
		for _, line := range r.Header.Values(name) {
			if strings.HasSuffix(line, "]") || strings.Contains(line, "],") {
				return lastStranger(server, r.Header)
			}
		}
	}
	return addr
}

// PlainAddr returns the address by which a client is counted: of an IPv4 client always the
// IPv4 address, also in IPv6 form or behind a translator.
func PlainAddr(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	for _, prefix := range *translators.Load() {
		if prefix.Contains(addr) {
			raw := addr.As16()
			return netip.AddrFrom4([4]byte(raw[12:]))
		}
	}
	return addr
}

// wellKnownNAT64 is the prefix of translators that name none (RFC 6052, section 2.1). Behind
// it all IPv4 clients are in one /64.
var wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")

// translators are the prefixes of the configuration in force. The gate asks for them before
// there is a request.
var translators atomic.Pointer[[]netip.Prefix]

func init() { setTranslators(nil) }

func setTranslators(own []netip.Prefix) {
	all := append([]netip.Prefix{wellKnownNAT64}, own...)
	translators.Store(&all)
}

// checkNAT64 refuses prefixes that do not end where the IPv4 address begins.
func checkNAT64(prefixes []netip.Prefix) error {
	for _, prefix := range prefixes {
		if !prefix.Addr().Is6() || prefix.Bits() != 96 || prefix != prefix.Masked() {
			return fmt.Errorf("invalid nat64 prefix %s: want an IPv6 /96 such as 2001:db8:64::/96", prefix)
		}
	}
	return nil
}

// readNAT64 reads `nat64 <prefix...>`.
func (a *App) readNAT64(d *caddyfile.Dispenser) error {
	texts := d.RemainingArgs()
	if len(texts) == 0 {
		return d.Err("missing prefix of nat64, such as 2001:db8:64::/96")
	}
	for _, text := range texts {
		prefix, err := ParsePrefix(text)
		if err != nil {
			return d.WrapErr(err)
		}
		a.NAT64 = append(a.NAT64, prefix)
	}
	if err := checkNAT64(a.NAT64); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

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
