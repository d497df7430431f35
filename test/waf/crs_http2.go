package waf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"
)

// overHTTP2 sends what HTTP/2 can express, each stage on a connection of its
// own, and returns the status of each by its client.
func (e *crsEdge) overHTTP2(t *testing.T, suite []crsTest) map[string]int {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(e.cert.Cert)
	config := &tls.Config{RootCAs: roots, ServerName: "crs.localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	return runCRS(http2, suite, func(in *crsInput, client string) int {
		request := in.forHTTP2(t.Context(), "https://"+e.tls)
		if request == nil {
			return notSent
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
		transport := &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: config.Clone(), DisableCompression: true, Protocols: new(http.Protocols),
		}
		transport.Protocols.SetHTTP2(true)
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(request)
		if err != nil {
			t.Errorf("%s %s over HTTP/2: %v", request.Method, request.URL, err)
			return 0
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		if response.ProtoMajor != 2 {
			t.Errorf("%s %s went over %s", request.Method, request.URL, response.Proto)
		}
		return response.StatusCode
	})
}

// notSent is the status of what HTTP/2 cannot express.
const notSent = -1

// forHTTP2 makes a request for net/http, or nil if that would send another one
// than the test wants.
func (in *crsInput) forHTTP2(ctx context.Context, base string) *http.Request {
	r, err := in.request()
	target, invalid := url.ParseRequestURI(r.uri)
	if err != nil || invalid != nil || r.raw != nil || r.version != "HTTP/1.1" || target.RequestURI() != r.uri || r.uri[0] != '/' ||
		strings.Contains(r.uri, " ") || r.method == http.MethodConnect || r.hasOddNames() {
		return nil
	}
	if r.value("Content-Length") == "" && (r.body != "" || r.method == http.MethodPost) {
		return nil // in HTTP/1.1 this is a request without a body, and in HTTP/2 with one
	}
	request, err := http.NewRequestWithContext(ctx, r.method, base, strings.NewReader(r.body))
	if err != nil {
		return nil
	}
	target.Scheme, target.Host = request.URL.Scheme, request.URL.Host
	request.URL = target
	request.Header.Set("User-Agent", "") // none, instead of net/http's
	for name, value := range r.header {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) || strings.TrimSpace(value) != value {
			return nil
		}
		switch name = http.CanonicalHeaderKey(name); {
		case name == "Host":
			request.Host = value
		case name == "Connection" && value == "close":
		case name == "Content-Length" && value == strconv.Itoa(len(r.body)):
		case slices.Contains([]string{"Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Te", "Expect"}, name),
			name == "User-Agent" && value == "", name == "Cookie" && !crumbles(value):
			return nil
		default:
			request.Header.Set(name, value)
		}
	}
	if request.Host == request.URL.Host || request.Host == "" {
		return nil // a request without Host does not exist
	}
	return request
}

// crumbles reports whether a Cookie is the same after HTTP/2 sent it in pieces.
func crumbles(cookie string) bool {
	for i, piece := range strings.Split(cookie, ";") {
		if i > 0 && (!strings.HasPrefix(piece, " ") || strings.HasPrefix(piece, "  ")) {
			return false
		}
	}
	return !strings.HasSuffix(strings.TrimSpace(cookie), ";")
}

// checkHTTP2 wants the same rules and statuses as over HTTP/1.1.
func checkHTTP2(t *testing.T, suite []crsTest, statuses1, statuses2 map[string]int, all map[string]fired) {
	sent := 0
	for i, test := range suite {
		for j := range test.Stages {
			one, two := crsClient(http1, i, j), crsClient(http2, i, j)
			if statuses2[two] == notSent {
				continue
			}
			sent++
			if got, want := statuses2[two], statuses1[one]; got != want {
				t.Errorf("%s: status %d over HTTP/2, and %d over HTTP/1.1", test.Name, got, want)
			}
			if got, want := all[two].rules, all[one].rules; !slices.Equal(got, want) {
				t.Errorf("%s: over HTTP/2 fires %v, and over HTTP/1.1 %v", test.Name, got, want)
			}
		}
	}
	if sent < 4500 {
		t.Errorf("only %d stages were sent over HTTP/2: forHTTP2 holds too many back", sent)
	}
}
