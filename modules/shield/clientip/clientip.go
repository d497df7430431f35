// Package clientip is the address of the client behind a request: which one counts, whether it
// is proven, and the prefixes around it that are banned.
//
// It relies on what Caddy makes of trusted proxies. An address that cannot be read is the
// zero netip.Addr.
package clientip

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Of returns the address that Caddy trusts; zero if it cannot be read, as
// behind a unix socket.
func Of(r *http.Request) netip.Addr {
	if addr := inBrackets(r); addr.IsValid() {
		return Plain(addr)
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return Plain(addr)
}

// inBrackets returns the client's address where a proxy has written one in brackets without
// a port, [2001:db8::1]. Caddy does not read that: it would take the proxy for the client, or
// with trusted_proxies_strict an address before it, which the client may have invented.
func inBrackets(r *http.Request) (addr netip.Addr) {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil || !BehindProxy(r) {
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

// Plain returns the address by which a client is counted: of an IPv4 client always the
// IPv4 address, also in IPv6 form or behind a translator.
func Plain(addr netip.Addr) netip.Addr {
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

// IsProven reports whether the client's address is that of the connection: what a
// proxy adds is only a claim. A QUIC packet with early data (0-RTT) does not prove
// its source address either, until the handshake has ended (RFC 9001, section
// 9.2).
func IsProven(r *http.Request, client netip.Addr) bool {
	return PeerOf(r) == client && !BehindProxy(r) && (r.TLS == nil || r.TLS.HandshakeComplete)
}

// PeerOf returns the address of the connection.
func PeerOf(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return Plain(peer.Addr())
}

// BehindProxy reports whether the connection is that of a proxy that Caddy
// trusts.
func BehindProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}
