package waf

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/waf/values"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
)

// valuesOf lists what rules read of a request, for Coraza and the sieve alike.
func valuesOf(dst []sieve.Value, r *http.Request, t *parser.Table) []sieve.Value {
	line := values.Line{Method: r.Method, Proto: r.Proto}
	if chain.IsExtendedConnect(r) { // inspected as the shop gets it
		line.Method, line.Proto = http.MethodGet, "HTTP/1.1"
	}
	line.Client, _ = caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return values.Append(dst, line, r, t)
}

// fill gives Coraza the request as the parser has read it, and what only Coraza asks for: the
// port of the client, the name of the server, and whether the path can be decoded.
func fill(tx transaction, r *http.Request, all []sieve.Value) {
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	number, _ := strconv.Atoi(port) // 0 behind a unix socket
	tx.ProcessConnection("", number, "", 0)
	path, _, _ := strings.Cut(r.RequestURI, "?") // Coraza would read the query again
	tx.ProcessURI(path, r.Method, r.Proto)
	if r.Host != "" {
		tx.SetServerName(hostOf(r.Host))
	}
	values.Fill(tx.Variables(), all)
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
