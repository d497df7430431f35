package waf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// witness is a shop that answers with what it has read: a hash.
func witness(t testing.TB) *kit.Backend {
	t.Helper()
	b := new(kit.Backend)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.Requests.Add(1)
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = fmt.Fprintf(w, "%d %x", n, hash.Sum(nil))
	}))
	t.Cleanup(server.Close)
	b.Addr = server.Listener.Addr().String()
	return b
}

// seen is what a witness says of a body that arrives as it was sent.
func seen(body []byte) string { return fmt.Sprintf("%d %x", len(body), sha256.Sum256(body)) }

// wires is an edge that speaks every version of HTTP, and a client for each.
type wires struct {
	*edge.Edge
	secure  string
	clients map[string]*http.Client
}

// wired starts an edge with this shop behind HTTP and HTTPS.
func wired(t *testing.T, shop string) *wires {
	t.Helper()
	cert := &kit.Authority{Dir: t.TempDir()}
	cert.Sign(t, "authority")
	cert.Sign(t, "loewen.localhost")
	addr := need.Addr(t)
	w := &wires{secure: "https://" + addr}
	w.Edge = edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, shop)+
		fmt.Sprintf("https://:%s {\n\ttls %s %s\n%s}\n", kit.PortOf(addr), filepath.Join(cert.Dir, "loewen.localhost.pem"),
			filepath.Join(cert.Dir, "loewen.localhost.key"), kit.Indent(shop, 1)))
	roots := x509.NewCertPool()
	roots.AddCert(cert.Cert)
	trust := &tls.Config{RootCAs: roots, ServerName: "loewen.localhost"}
	two := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: new(http.Protocols), ExpectContinueTimeout: time.Minute}
	two.Protocols.SetHTTP2(true)
	three := &http3.Transport{TLSClientConfig: trust.Clone()}
	t.Cleanup(func() { _ = three.Close() }) // the edge is gone already
	w.clients = map[string]*http.Client{
		"HTTP/1.1": {Transport: &http.Transport{ExpectContinueTimeout: time.Minute}},
		"HTTP/2.0": {Transport: two},
		"HTTP/3.0": {Transport: three},
	}
	return w
}

// post sends a body over one of them, with its length or without.
func (w *wires) post(t testing.TB, version, contentType string, body []byte, sized bool, header ...string) (status int, answer string) {
	t.Helper()
	base := w.secure
	if version == "HTTP/1.1" {
		base = w.URL
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if !sized {
		request.Body, request.ContentLength = io.NopCloser(struct{ io.Reader }{bytes.NewReader(body)}), -1
	}
	request.Host = "loewen.localhost"
	request.Header.Set("Content-Type", contentType)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := w.clients[version].Do(request)
	if err != nil {
		t.Errorf("%s: %d bytes of %s: %v", version, len(body), contentType, err)
		return 0, ""
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%s: reading the answer: %v", version, err)
	}
	if response.Proto != version {
		t.Errorf("%s: the answer came over %s", version, response.Proto)
	}
	return response.StatusCode, string(read)
}

// photo is as good as one: n bytes, the first of which no text has.
func photo(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	if n > 0 {
		b[0] = 0
	}
	return b
}

// enclosed is a file in an upload.
func enclosed(file []byte) []byte {
	return fmt.Appendf(nil, "--b00dary\r\nContent-Disposition: form-data; name=\"rezept\"; filename=\"rezept.jpg\"\r\n"+
		"Content-Type: image/jpeg\r\n\r\n%s\r\n--b00dary--\r\n", file)
}

// TestBodiesArriveAsTheyWereSent: byte for byte, of every size, over every
// version of HTTP.
func TestBodiesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	shop := witness(t)
	w := wired(t, bare("loewen", "", shop.Addr))
	const k = 1 << 10
	check := func(version, contentType string, body []byte, header ...string) {
		for _, sized := range []bool{true, false} {
			if status, got := w.post(t, version, contentType, body, sized, header...); status != http.StatusOK || got != seen(body) {
				t.Errorf("%s: %d bytes of %s, with length %t: status %d, the shop saw %.30s, want %.30s",
					version, len(body), contentType, sized, status, got, seen(body))
			}
		}
	}
	for version := range w.clients {
		for _, size := range []int{0, 1, k, 64*k - 1, 64 * k, 64*k + 1, 256*k + 1, k * k, 12 * k * k} {
			file := photo(size)
			check(version, "application/octet-stream", file)
			check(version, "multipart/form-data; boundary=b00dary", enclosed(file))
			if size > 0 && version != "HTTP/3.0" { // whose client waits for no such thing
				check(version, "application/octet-stream", file, "Expect: 100-continue")
			}
		}
		for _, size := range []int{0, 1, k, 32*k - 1, 32 * k} {
			check(version, "application/x-www-form-urlencoded", bytes.Repeat([]byte("q"), size))
			check(version, "application/json", fmt.Appendf(nil, "%0*d", size, 0)[:min(size, 1)])
			if size > 10 {
				check(version, "application/json", fmt.Appendf(nil, `{"q":"%0*d"}`, size-9, 0))
			}
		}
	}
}

// TestLargeBodiesAreRefused: at the bound, and before any of it is at the
// shop.
func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	shop := witness(t)
	w := wired(t, bare("loewen", "", shop.Addr))
	const bound = 13 << 20
	for version := range w.clients {
		before := shop.Requests.Load()
		if status, got := w.post(t, version, "application/octet-stream", photo(bound), true); status != http.StatusOK || got != seen(photo(bound)) {
			t.Errorf("%s: 13 MiB: status %d", version, status)
		}
		// With its length it is refused before it is sent.
		if status, _ := w.post(t, version, "application/octet-stream", photo(bound+1), true, "Expect: 100-continue"); status != http.StatusRequestEntityTooLarge && version != "HTTP/3.0" {
			t.Errorf("%s: a byte more: status %d, want 413", version, status)
		}
		if status, _ := w.post(t, version, "application/octet-stream", photo(bound+1), false); status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a byte more, without its length: status %d, want 413", version, status)
		}
		if reached := shop.Requests.Load() - before; reached != 1 {
			t.Errorf("%s: %d requests reached the shop, want 1", version, reached)
		}
	}
}

// TestUploadsAreToldToContinue: a client that asks before it sends a body is answered by
// the edge when it wants the body, and not at all if it is too large.
func TestUploadsAreToldToContinue(t *testing.T) {
	t.Parallel()
	w := wired(t, bare("loewen", "", witness(t).Addr))
	for size, want := range map[int]struct {
		continued bool
		status    int
	}{64 << 10: {true, http.StatusOK}, 14 << 20: {false, http.StatusRequestEntityTooLarge}} {
		var continued atomic.Bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				if code == http.StatusContinue {
					continued.Store(true)
				}
				return nil
			},
		})
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL+"/", bytes.NewReader(photo(size)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/octet-stream")
		request.Header.Set("Expect", "100-continue")
		response, err := w.clients["HTTP/1.1"].Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want.status || continued.Load() != want.continued {
			t.Errorf("%d bytes: status %d and told to continue: %t; want %d and %t", size, response.StatusCode, continued.Load(), want.status, want.continued)
		}
	}
}

// TestSlowUploadsHoldNobodyUp: a client that announces a large upload and sends a byte
// now and then keeps no order from passing, however many do so.
func TestSlowUploadsHoldNobodyUp(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, bare("loewen", "concurrency 8", backend.Addr)))
	open := kit.Slowly(t, e.Addr, 40, "POST /upload HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"+
		"Content-Length: 12582912\r\n\r\n--b\r\nContent-Disposition: form-data; name=f; filename=f.jpg\r\n\r\n", strings.Repeat("x", 5000))
	time.Sleep(500 * time.Millisecond)
	client := edge.From("127.0.0.1")
	for i := range 10 {
		order := &parcel{[]string{formType}, "article=aspirin&amount=2"}
		if status := order.send(t, client, e.URL+"/checkout", "loewen.localhost"); status != http.StatusOK {
			t.Errorf("order %d has status %d", i+1, status)
		}
	}
	if open.Load() != 40 || backend.Requests.Load() != 10 {
		t.Errorf("%d slow uploads are open and %d requests at the shop, want 40 and 10", open.Load(), backend.Requests.Load())
	}
}

// TestShadowChangesNothing: in shadow everything passes as it was sent, also
// what the firewall would refuse, could not read or has no time for.
func TestShadowChangesNothing(t *testing.T) {
	t.Parallel()
	shop := witness(t)
	shadow, on := wired(t, "shop_visit loewen\nshop_waf loewen {\n\twaf shadow\n}\nshop_backend "+shop.Addr), wired(t, bare("loewen", "", shop.Addr))
	for name, c := range map[string]struct {
		contentType string
		body        []byte
		header      []string
	}{
		"an attack":               {"application/x-www-form-urlencoded", []byte("q=" + script), nil},
		"too many fields":         {"application/x-www-form-urlencoded", []byte(fields(1000)("x")), nil},
		"too many values":         {"application/json", []byte(items(1000)("x")), nil},
		"a long field":            {"application/x-www-form-urlencoded", bytes.Repeat([]byte("q"), 100<<10), nil},
		"a deep document":         {"application/json", []byte(strings.Repeat("[", 100) + strings.Repeat("]", 100)), nil},
		"a broken document":       {"application/json", []byte(`{"q":`), nil},
		"a broken upload":         {"multipart/form-data; boundary=b00dary", enclosed(photo(1 << 20))[:1<<19], nil},
		"a large upload":          {"multipart/form-data; boundary=b00dary", enclosed(photo(14 << 20)), nil},
		"a large file":            {"application/octet-stream", photo(14 << 20), nil},
		"what says it is gzipped": {"application/x-www-form-urlencoded", photo(1 << 20), []string{"Content-Encoding: gzip"}},
		"many cookies":            {"application/x-www-form-urlencoded", []byte("q=aspirin"), []string{"Cookie: " + strings.Repeat("a=1; ", 200)}},
	} {
		for version := range shadow.clients {
			for _, sized := range []bool{true, false} {
				if status, got := shadow.post(t, version, c.contentType, c.body, sized, c.header...); status != http.StatusOK || got != seen(c.body) {
					t.Errorf("%s over %s, with length %t: status %d, the shop saw %.30s, want %.30s", name, version, sized, status, got, seen(c.body))
				}
			}
		}
		if len(c.body) > 1<<20 {
			continue // TestLargeBodiesAreRefused
		}
		if status, _ := on.post(t, "HTTP/1.1", c.contentType, c.body, true, c.header...); status < 400 || status >= 500 {
			t.Errorf("control: %s has status %d without shadow", name, status)
		}
	}
}

// TestShadowHasTime: in shadow, a budget that is spent refuses nobody.
func TestShadowHasTime(t *testing.T) {
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+
		kit.Site("shadow.localhost:{$PORT}", "shop_visit shadow\nshop_waf shadow {\n\twaf shadow {\n\t\ttime 1ms\n\t}\n}\nshop_backend "+backend.Addr)+
		kit.Site("on.localhost:{$PORT}", bare("on", "time 1ms", backend.Addr)))
	client := edge.From("127.0.0.1")
	for host, want := range map[string]int{"shadow.localhost": http.StatusOK, "on.localhost": http.StatusServiceUnavailable} {
		costliest().send(t, client, e.URL, host)
		if status := costliest().send(t, client, e.URL, host); status != want {
			t.Errorf("%s: status %d, want %d", host, status, want)
		}
	}
}
