package clientip

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// IsClaimed reports whether the client itself may have chosen the address that Caddy takes
// for it. Without trusted_proxies_strict that is the first address of X-Forwarded-For, and
// a proxy that appends to the header leaves in front what its client has sent. It is not
// claimed if it is the only one, or if all addresses after it are those of trusted proxies.
func IsClaimed(r *http.Request, client netip.Addr) bool {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil || server.TrustedProxiesStrict > 0 || !BehindProxy(r) {
		return false
	}
	lines := 0
	for _, name := range server.ClientIPHeaders {
		for _, line := range r.Header.Values(name) {
			if lines++; lines > 1 || strings.IndexByte(line, ',') >= 0 {
				return client != lastStranger(server, r.Header)
			}
		}
	}
	return false
}

// lastStranger returns the address that trusted_proxies_strict would take: the last one
// that is not a trusted proxy's. All before it may be forged. It is zero if that cannot
// be read, or if there is none.
func lastStranger(server *caddyhttp.Server, header http.Header) netip.Addr {
	for _, name := range server.ClientIPHeaders {
		for _, line := range slices.Backward(header.Values(name)) {
			for more := true; more; {
				var part string
				part, line, more = cutLast(line)
				if part = strings.TrimSpace(part); part == "" {
					continue
				}
				if addr := addrIn(part); !addr.IsValid() || !IsProxy(server, addr) {
					return Plain(addr)
				}
			}
		}
	}
	return netip.Addr{}
}

// cutLast cuts the last element off a list.
func cutLast(list string) (last, rest string, more bool) {
	comma := strings.LastIndexByte(list, ',')
	if comma < 0 {
		return list, "", false
	}
	return list[comma+1:], list[:comma], true
}

// addrIn reads an address with or without a port or brackets, and without its zone; zero
// if it cannot be read.
func addrIn(part string) netip.Addr {
	if host, _, err := net.SplitHostPort(part); err == nil {
		part = host
	} else if inner, ok := strings.CutPrefix(part, "["); ok {
		part = strings.TrimSuffix(inner, "]")
	}
	part, _, _ = strings.Cut(part, "%")
	addr, err := netip.ParseAddr(part)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}
