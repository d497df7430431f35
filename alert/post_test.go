package alert

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// secretPath, secretQuery and the keys are what no error, log or dead letter may have in it.
const (
	secretPath  = "/services/T024BE7LD/XXSECRETPATHXX"
	secretQuery = "sig=QQSECRETQUERYQQ"
	key1        = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	key2        = "RkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkY="
)

// answers has a receiver that answers so.
func answers(t testing.TB, handler http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + secretPath + "?" + secretQuery
}

// answer answers with a code, and quotes the request as some receivers do.
func answer(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "no_team for %s", r.URL)
	}
}

// TestAnswers: what one try makes of each answer, and of none.
func TestAnswers(t *testing.T) {
	var elsewhere atomic.Int32
	var written atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	untrusted := httptest.NewUnstartedServer(answer(200))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for chunk := bytes.Repeat([]byte("x"), 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			written.Add(int64(len(chunk)))
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees the end of the connection only then
		<-r.Context().Done()
	}
	longHeader := answer(200, "X-Long", strings.Repeat("x", maxAnswerHeader*2))
	for name, step := range map[string]struct {
		url   string
		why   string // "" if the alert is accepted
		final bool
		after time.Duration
	}{
		"ok":                       {answers(t, answer(200)), "", false, 0},
		"accepted":                 {answers(t, answer(202)), "", false, 0},
		"an endless answer":        {answers(t, endless), "", false, 0},
		"bad request":              {answers(t, answer(400)), "answered Bad Request (400)", true, 0},
		"not found":                {answers(t, answer(404)), "answered Not Found (404)", true, 0},
		"gone":                     {answers(t, answer(410)), "answered Gone (410)", true, 0},
		"request timeout":          {answers(t, answer(408)), "answered Request Timeout (408)", false, 0},
		"too early":                {answers(t, answer(425)), "answered Too Early (425)", false, 0},
		"too many requests":        {answers(t, answer(429, "Retry-After", "17")), "answered Too Many Requests (429)", false, 17 * time.Second},
		"an error of the server":   {answers(t, answer(500)), "answered Internal Server Error (500)", false, 0},
		"an unassigned status":     {answers(t, answer(599)), "answered (599)", false, 0},
		"a redirect":               {answers(t, answer(307, "Location", other.URL)), "answered Temporary Redirect (307), which is not followed", true, 0},
		"a redirect to GET":        {answers(t, answer(302, "Location", other.URL)), "answered Found (302), which is not followed", true, 0},
		"no answer":                {answers(t, hang), "no answer in time", false, 0},
		"a header without end":     {answers(t, longHeader), "not the protocol that was expected", false, 0},
		"an untrusted certificate": {untrusted.URL + secretPath, "certificate signed by an unknown authority", false, 0},
		"no TLS":                   {strings.Replace(answers(t, answer(200)), "http:", "https:", 1), "not the protocol that was expected", false, 0},
		"no HTTP":                  {fmt.Sprintf("http://127.0.0.1:%d%s", greeter(t), secretPath), "not the protocol that was expected", false, 0},
		"closed without an answer": {fmt.Sprintf("http://127.0.0.1:%d%s", closer(t), secretPath), "connection closed without an answer", false, 0},
		"nothing listens":          {fmt.Sprintf("http://127.0.0.1:%d%s", closedPort(t), secretPath), "connection refused", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := newPoster(Webhook{Name: "ops", URL: step.url, Timeout: Duration(time.Second)}, "fra-1")
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			said, err := r.try(context.Background(), newMessage(opened()))
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			noSecret(t, said, fmt.Sprint(err))
			if len(said) > 4*maxSaid {
				t.Errorf("it said %d bytes", len(said))
			}
			u, _ := url.Parse(step.url)
			want := failure{receiver: "ops", host: u.Hostname(), why: step.why, final: step.final, after: step.after}
			switch got, failed := err.(failure); {
			case step.why == "" && err != nil, step.why != "" && !failed, failed && got != want:
				t.Errorf("%v, %+v; want %+v", err, got, want)
			}
		})
	}
	t.Cleanup(func() {
		if n := elsewhere.Load(); n > 0 {
			t.Errorf("%d redirects were followed", n)
		}
		if n := written.Load(); n > 64<<20 { // what the kernel's buffers take, and no more
			t.Errorf("%d bytes of an endless answer were read", n)
		}
	})
}

// TestReasons: errors of connections that loopback does not make.
func TestReasons(t *testing.T) {
	for want, err := range map[string]error{
		"host not found":                  &net.DNSError{Err: "no such host", Name: "SECRET.example", Server: "192.0.2.53:53", IsNotFound: true},
		"certificate is for another host": x509.HostnameError{Certificate: &x509.Certificate{}, Host: "SECRET.example"},
		"certificate is not valid":        &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "SECRET"}},
		"host unreachable":                &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{}, Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)},
		"connection failed":               errors.New("something with a SECRET"),
	} {
		if got := reason(&url.Error{Op: "Post", URL: "https://hooks.example" + secretPath, Err: err}); got != want {
			t.Errorf("%T is %q, want %q", err, got, want)
		}
	}
}

// greeter speaks another protocol, closer none.
func greeter(t testing.TB) int {
	return listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "220 mail.test ESMTP\r\n")
	})
}

func closer(t testing.TB) int {
	return listen(t, func(c net.Conn) {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		_ = c.Close()
	})
}

// noSecret fails if a text has a secret in it.
func noSecret(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if found := secretIn(text); found != "" {
			t.Errorf("%q has a secret in it: %q", text, found)
		}
	}
}

func secretIn(text string) string {
	for _, secret := range []string{"SECRET", "T024BE7LD", "/services", "sig=", key1[6:], key2, "correct-horse", routingKey, "@host.example"} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// TestNoSecretFindsSecrets: the check above finds what the errors of net/http would tell.
func TestNoSecretFindsSecrets(t *testing.T) {
	_, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d%s?%s", closedPort(t), secretPath, secretQuery), "", nil)
	if err == nil || secretIn(err.Error()) == "" {
		t.Errorf("it finds nothing in %v", err)
	}
}

// TestNoProxy: the alert goes to the receiver even where the environment names a proxy. The
// environment is read once by net/http, so this asks the transport itself.
func TestNoProxy(t *testing.T) {
	if newClient(time.Second, nil).Transport.(*http.Transport).Proxy != nil {
		t.Error("the client has a proxy")
	}
	if http.DefaultTransport.(*http.Transport).Proxy == nil {
		t.Error("this test would not notice: the usual client has none either")
	}
}

// TestRootCA: a certificate of the receiver's own authority holds.
func TestRootCA(t *testing.T) {
	server := httptest.NewUnstartedServer(answer(200))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for rootCA, ok := range map[string]bool{file: true, "": false} {
		alerts := open(t, Config{Webhooks: []Webhook{{URL: server.URL, CAFile: rootCA}}}, Hooks{})
		if _, err := alerts.Test(context.Background(), "theriac"); (err == nil) != ok {
			t.Errorf("with ca_file %q: %v", rootCA, err)
		}
	}
}

// TestSignature: the receiver verifies with each of the keys, as Standard Webhooks says.
func TestSignature(t *testing.T) {
	var header http.Header
	var body []byte
	target := answers(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	})
	alerts := open(t, Config{Webhooks: []Webhook{{URL: target, Secrets: []string{key1, key2}}}}, Hooks{})
	if _, err := alerts.Test(context.Background(), "theriac"); err != nil {
		t.Fatal(err)
	}
	if at, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
		t.Errorf("webhook-timestamp is %q", header.Get("webhook-timestamp"))
	}
	if id := header.Get("webhook-id"); id == "" || strings.ContainsAny(id, ". ") {
		t.Errorf("webhook-id is %q", id)
	}
	for _, key := range []string{key1, key2} {
		if !verify(key, header, body) {
			t.Errorf("the signature of %s does not hold: %q", key, header.Get("webhook-signature"))
		}
	}
	changed := header.Clone()
	changed.Set("webhook-timestamp", "1")
	for what, ok := range map[string]bool{
		"another key":  verify("whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)), header, body),
		"another body": verify(key1, header, append(body, ' ')),
		"another time": verify(key1, changed, body),
	} {
		if ok {
			t.Errorf("%s: the signature holds", what)
		}
	}
}

// verify is the receiver's part, as the specification has it.
func verify(secret string, h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	for each := range strings.FieldsSeq(h.Get("webhook-signature")) {
		version, text, _ := strings.Cut(each, ",")
		sum, err := base64.StdEncoding.DecodeString(text)
		if err == nil && version == "v1" && hmac.Equal(sum, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// TestSignatureVector: the example that the libraries of Standard Webhooks test themselves with.
func TestSignatureVector(t *testing.T) {
	for _, secret := range []string{key1, strings.TrimPrefix(key1, "whsec_")} {
		key, err := parseSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		sign(h, [][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
		if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
			t.Errorf("signature %q, want %q", got, want)
		}
	}
}

// FuzzParseSecret: a secret is read, or refused without being told.
func FuzzParseSecret(f *testing.F) {
	f.Add(key1)
	f.Add("whsec_whsec_")
	f.Add("Zm9v")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseSecret(text)
		if (err == nil) != (len(key) >= minSecret && len(key) <= maxSecret) {
			t.Errorf("%q: %d bytes, %v", text, len(key), err)
		}
		if err != nil && len(text) > 12 && strings.Contains(err.Error(), text) {
			t.Errorf("the error tells the secret: %v", err)
		}
	})
}

// FuzzRetryAfter: no answer makes a worker wait for a negative or an immense time.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 29, 10, 42, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"17": 17 * time.Second, " 0 ": 0, "-3": 0, "1e9": 0, "": 0, "soon": 0, "99999999999999999999": 0,
		"Sun, 29 Nov 2026 10:43:30 GMT": 90 * time.Second, "Sun, 29 Nov 2026 10:41:00 GMT": 0,
	} {
		f.Add(text)
		if got := retryAfter(text, now); got != want {
			f.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := retryAfter(text, now); d < 0 {
			t.Errorf("%q: %v", text, d)
		}
	})
}
