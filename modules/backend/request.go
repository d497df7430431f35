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
// X-Forwarded-For, -Proto and -Host, and Caddy drops names with dots and underscores.
var proxyHeaders = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(
		// The client's address and country.
		"Forwarded Forwarded-Host Forwarded-Proto Remote-Addr X-Bluecoat-Via X-Client-Host X-Coming-From X-Country-Code X-Custom-Ip-Authorization " +
			"X-Edgescape X-Forwarded X-Forwarder-For X-Originating-Ip X-Proxyuser-Ip X-Remote-Addr X-Remote-Host " +
			// The host, the scheme and the URL.
			"Base-Url Front-End-Https Https Proxy Proxy-Host Request-Uri Ssl-Offloaded Uri X-Backend-Host X-Forward-For X-Forward-Host X-Forward-Proto " +
			"X-Host X-Http-Destinationurl X-Http-Host X-Http-Host-Override X-Https X-Override-Url X-Proxy-Host X-Proxy-Url X-Request-Uri X-Request-Url " +
			"X-Rewrite-Uri X-Rewrite-Url X-Scheme X-Ssl X-Url-Scheme " +
			// The certificate of the client, by which a shop would know it (RFC 9440).
			"Client-Cert Client-Cert-Chain X-Client-Cert X-Client-Dn X-Client-Verify") {
		m[name] = true
	}
	return m
}()

// proxyPrefixes and proxySuffixes are the names of whole families of them.
var (
	proxyPrefixes = [...]string{
		"Akamai-", "Cdn-", "Cf-", "Cloudfront-", "Fastly-", "Ssl-Client-", "X-Akamai-", "X-Appengine-", "X-Arr-", "X-Azure-", "X-Cdn-", "X-Envoy-",
		"X-Forwarded-", "X-Geoip-", "X-Original-", "X-Real-", "X-Ssl-", "X-Sucuri-", "X-Tls-", "X-Vercel-",
	}
	proxySuffixes = [...]string{"Client-Ip", "Connecting-Ip", "Connection-Ip", "Forwarded-For", "Real-Ip", "Remote-Ip", "Source-Ip", "Src-Ip", "User-Ip"}
)

// identities are headers by which Caddy's forward_auth tells the shop who has logged in.
var identities = []string{"X-Forwarded-Access-Token", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-User"}

// isProxyHeader reports whether only a proxy may send a header.
func isProxyHeader(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Cookie",
		"If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Priority", "Range", "Referer", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile",
		"Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Upgrade-Insecure-Requests", "User-Agent":
		return false // what browsers send, quickly
	}
	if proxyHeaders[name] {
		return true
	}
	if strings.HasSuffix(name, "-Ip") || strings.HasSuffix(name, "-For") {
		for _, suffix := range proxySuffixes {
			if strings.HasSuffix(name, suffix) {
				return true
			}
		}
	}
	if !strings.ContainsRune("ACFSX", rune(name[0])) {
		return false // quickly
	}
	for _, prefix := range proxyPrefixes {
		if strings.HasPrefix(name, prefix) {
			return !slices.Contains(identities, name)
		}
	}
	return false
}

// removeForged removes them from a request that does not come through a trusted proxy.
func removeForged(r *http.Request) {
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		return
	}
	for name := range r.Header {
		if isProxyHeader(name) {
			delete(r.Header, name)
		}
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
