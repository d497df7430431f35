package backend

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// proxyHeaders are what only a proxy may say: the client's address, and which host and
// URL the client asked for. Shop software believes them. reverse_proxy itself replaces
// X-Forwarded-For, -Proto and -Host.
var proxyHeaders = [...]string{
	// The client's address.
	"Cf-Connecting-Ip", "Client-Ip", "Fastly-Client-Ip", "Forwarded", "True-Client-Ip", "X-Client-Ip",
	"X-Cluster-Client-Ip", "X-Forwarded", "X-Original-Forwarded-For", "X-Real-Ip",
	// The host, the scheme and the URL.
	"Front-End-Https", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl",
	"X-Host", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url",
}

// removeForged removes them from a request that does not come through a trusted proxy.
func removeForged(r *http.Request) {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		return
	}
	for _, name := range proxyHeaders {
		delete(r.Header, name)
	}
}

// ignoreUpgrade removes the offer to change the protocol, which a server may ignore
// (RFC 9110, section 7.8): behind a protocol that nobody inspects anything can follow.
// WebSockets are let through, and what the shop names.
func (h *Handler) ignoreUpgrade(r *http.Request) {
	offered := r.Header["Upgrade"]
	if len(offered) == 0 {
		return
	}
	if len(offered) == 1 && r.ProtoMajor == 1 {
		if strings.EqualFold(offered[0], "websocket") ||
			slices.ContainsFunc(h.Upgrades, func(name string) bool { return strings.EqualFold(name, offered[0]) }) {
			return
		}
	}
	delete(r.Header, "Upgrade")
}

// extendedBody is the name under which reverse_proxy keeps the stream of a WebSocket
// over HTTP/2 or HTTP/3 while it asks the shop.
const extendedBody = "extended_connect_websocket_body"

// asHandshake turns an extended CONNECT into the handshake of HTTP/1.1 that shops know.
// reverse_proxy does the same, but would buffer the body before, which ends only with
// the WebSocket.
func asHandshake(w http.ResponseWriter, r *http.Request) *http.Request {
	keepOpen(w, r)
	caddyhttp.SetVar(r.Context(), extendedBody, r.Body)
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	handshake := r.WithContext(r.Context())
	handshake.Method, handshake.Body, handshake.ContentLength = http.MethodGet, nil, 0
	handshake.Header = maps.Clone(r.Header)
	delete(handshake.Header, ":protocol")
	handshake.Header["Connection"] = []string{"Upgrade"}
	handshake.Header["Upgrade"] = []string{"websocket"}
	handshake.Header["Sec-Websocket-Key"] = []string{base64.StdEncoding.EncodeToString(key)}
	return handshake
}
