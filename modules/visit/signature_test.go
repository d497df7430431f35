package visit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// signer signs requests as a bot does.
type signer struct {
	private ed25519.PrivateKey
	keyid   string
}

// newSigner makes a key, and the directory that publishes it.
func newSigner(t testing.TB) (directory string, s signer) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return directoryOf(public, ""), signer{private, thumbprint(public)}
}

func directoryOf(public ed25519.PublicKey, more string) string {
	return `{"keys": [{"kty": "RSA", "n": "AQAB"}, {"kty": "OKP", "crv": "Ed25519", "x": "` + base64.RawURLEncoding.EncodeToString(public) + `"` + more + `}]}`
}

// sign adds the headers of a signature over these lines of the base.
func (s signer) sign(r *http.Request, covered, params string, lines ...string) {
	described := covered + params
	base := strings.Join(append(lines, `"@signature-params": `+described), "\n")
	r.Header.Set("Signature-Input", "sig1="+described)
	r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, []byte(base)))+":")
}

// params are the parameters of a signature by this key.
func (s signer) params(created, expires time.Time, more string) string {
	return fmt.Sprintf(`;created=%d;expires=%d;keyid="%s";alg="ed25519";nonce="n";tag="web-bot-auth"%s`, created.Unix(), expires.Unix(), s.keyid, more)
}

func openedSigners(t testing.TB, directory string) *signers {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, directory, time.Now())
	s, err := openSigners(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Destruct() })
	return s
}

func counted(t testing.TB, c prometheus.Counter) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

const line = `"@authority": loewen.example`

func TestSignedRequestsAreVerified(t *testing.T) {
	directory, bot := newSigner(t)
	_, stranger := newSigner(t)
	now := time.Now()
	minute := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
	good := bot.params(now, minute(5), "")
	for _, c := range []struct {
		says string
		sign func(r *http.Request)
		want prometheus.Counter // nil: the key is not known, nothing is checked
	}{
		{"a good signature", func(r *http.Request) { bot.sign(r, `("@authority")`, good, line) }, signatureVerified},
		{"everything that bots cover", func(r *http.Request) {
			r.Header.Set("Signature-Agent", `sig1="https://bot.example"`)
			r.Header["Accept"] = []string{" text/html ", "*/*"}
			bot.sign(r, `("@method" "@authority" "@scheme" "@target-uri" "@path" "@query" "accept" "host" "signature-agent";key="sig1")`, good,
				`"@method": GET`, line, `"@scheme": https`, `"@target-uri": https://loewen.example/a%20b?c=%64`, `"@path": /a%20b`, `"@query": ?c=%64`,
				`"accept": text/html, */*`, `"host": Loewen.Example:443`, `"signature-agent";key="sig1": "https://bot.example"`)
		}, signatureVerified},
		{"an agent of the first drafts", func(r *http.Request) {
			r.Header.Set("Signature-Agent", `"https://bot.example"`)
			bot.sign(r, `("@authority" "signature-agent")`, good, line, `"signature-agent": "https://bot.example"`)
		}, signatureVerified},
		{"the target instead of the authority", func(r *http.Request) {
			bot.sign(r, `("@target-uri")`, good, `"@target-uri": https://loewen.example/a%20b?c=%64`)
		}, signatureVerified},
		{"a day of validity", func(r *http.Request) { bot.sign(r, `("@authority")`, bot.params(minute(-60), minute(23*60), ""), line) }, signatureVerified},
		{"a clock that is half a minute ahead", func(r *http.Request) {
			bot.sign(r, `("@authority")`, bot.params(now.Add(30*time.Second), minute(5), ""), line)
		}, signatureVerified},
		{"no signature", func(*http.Request) {}, nil},
		{"an unknown key", func(r *http.Request) {
			stranger.sign(r, `("@authority")`, stranger.params(now, minute(5), ""), line)
		}, nil},
		{"an unknown key under a known name", func(r *http.Request) { stranger.sign(r, `("@authority")`, good, line) }, signatureWrong},
		{"another shop's signature", func(r *http.Request) { bot.sign(r, `("@authority")`, good, `"@authority": sonnen.example`) }, signatureWrong},
		{"another page's signature", func(r *http.Request) {
			bot.sign(r, `("@authority" "@path")`, good, line, `"@path": /b`)
		}, signatureWrong},
		{"junk", func(r *http.Request) {
			bot.sign(r, `("@authority")`, good, line)
			r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":")
		}, signatureWrong},
		{"another tag", func(r *http.Request) {
			bot.sign(r, `("@authority")`, strings.Replace(good, "web-bot-auth", "pay-bot-auth", 1), line)
		}, signatureMalformed},
		{"another algorithm", func(r *http.Request) {
			bot.sign(r, `("@authority")`, strings.Replace(good, "ed25519", "hmac-sha256", 1), line)
		}, signatureMalformed},
		{"no date", func(r *http.Request) {
			bot.sign(r, `("@authority")`, strings.Replace(good, "created", "made", 1), line)
		}, signatureMalformed},
		{"no end", func(r *http.Request) {
			bot.sign(r, `("@authority")`, strings.Replace(good, "expires", "until", 1), line)
		}, signatureMalformed},
		{"a signature under another label", func(r *http.Request) {
			bot.sign(r, `("@authority")`, good, line)
			r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), "sig1", "sig2", 1))
		}, signatureMalformed},
		{"a signature too short", func(r *http.Request) {
			bot.sign(r, `("@authority")`, good, line)
			r.Header.Set("Signature", "sig1=:AAAA:")
		}, signatureMalformed},
		{"no structured field", func(r *http.Request) {
			bot.sign(r, `("@authority")`, good, line)
			r.Header.Add("Signature-Input", "=")
		}, signatureMalformed},
		{"a header that is too long", func(r *http.Request) {
			bot.sign(r, `("@authority")`, good, line)
			r.Header.Add("Signature", "x="+strings.Repeat("x", maxField))
		}, signatureMalformed},
		{"expired", func(r *http.Request) { bot.sign(r, `("@authority")`, bot.params(minute(-9), minute(-2), ""), line) }, signatureExpired},
		{"from the future", func(r *http.Request) { bot.sign(r, `("@authority")`, bot.params(minute(2), minute(5), ""), line) }, signatureExpired},
		{"valid for two days", func(r *http.Request) { bot.sign(r, `("@authority")`, bot.params(now, minute(48*60), ""), line) }, signatureExpired},
		{"ends before it begins", func(r *http.Request) { bot.sign(r, `("@authority")`, bot.params(now, minute(-1), ""), line) }, signatureExpired},
		{"covers no authority", func(r *http.Request) { bot.sign(r, `("@path")`, good, `"@path": /a%20b`) }, signatureIncomplete},
		{"covers nothing", func(r *http.Request) { bot.sign(r, `()`, good) }, signatureIncomplete},
		{"does not cover its agent", func(r *http.Request) {
			r.Header.Set("Signature-Agent", `sig1="https://bot.example"`)
			bot.sign(r, `("@authority")`, good, line)
		}, signatureIncomplete},
		{"covers an agent that is not there", func(r *http.Request) {
			r.Header.Set("Signature-Agent", `sig2="https://bot.example"`)
			bot.sign(r, `("@authority" "signature-agent";key="sig1")`, good, line, `"signature-agent";key="sig1": "https://bot.example"`)
		}, signatureIncomplete},
		{"covers a field that is not there", func(r *http.Request) { bot.sign(r, `("@authority" "date")`, good, line, `"date": `) }, signatureIncomplete},
		{"covers one thing twice", func(r *http.Request) { bot.sign(r, `("@authority" "@authority")`, good, line, line) }, signatureIncomplete},
		{"covers what we do not know", func(r *http.Request) {
			bot.sign(r, `("@authority" "@query-param";name="c")`, good, line, `"@query-param";name="c": d`)
		}, signatureIncomplete},
		{"covers the answer", func(r *http.Request) { bot.sign(r, `("@authority" "@status")`, good, line, `"@status": 200`) }, signatureIncomplete},
		{"covers a field's bytes", func(r *http.Request) {
			r.Header.Set("Accept", "*/*")
			bot.sign(r, `("@authority" "accept";bs)`, good, line, `"accept";bs: :Ki8q:`)
		}, signatureIncomplete},
		{"covers a number", func(r *http.Request) { bot.sign(r, `("@authority" 1)`, good, line, `1: `) }, signatureIncomplete},
		{"covers too much", func(r *http.Request) {
			bot.sign(r, `("@authority"`+strings.Repeat(` "accept"`, maxComponents)+`)`, good, line)
		}, signatureIncomplete},
		{"covers too many bytes", func(r *http.Request) {
			r.Header.Set("Accept", strings.Repeat("x", maxBase))
			bot.sign(r, `("@authority" "accept")`, good, line, `"accept": `+strings.Repeat("x", maxBase))
		}, signatureIncomplete},
	} {
		s := openedSigners(t, directory)
		r := httptest.NewRequest(http.MethodGet, "https://Loewen.Example:443/a%20b?c=%64", nil)
		c.sign(r)
		var before float64
		if c.want != nil {
			before = counted(t, c.want)
		}
		want := c.want == signatureVerified
		if got := s.signed(r, netip.MustParseAddr("192.0.2.1"), now); got != want {
			t.Errorf("%s: verified is %v, want %v", c.says, got, want)
		}
		if c.want != nil && counted(t, c.want) != before+1 {
			t.Errorf("%s: counted under another name", c.says)
		}
	}
}

// Keys also have dates, in seconds or, as the first drafts wrote them, in
// milliseconds.
func TestKeysHoldForATime(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bot, now := signer{private, thumbprint(public)}, time.Now()
	for dates, want := range map[string]bool{
		fmt.Sprintf(`, "use": "sig", "nbf": %d, "exp": %d`, now.Add(-time.Hour).Unix(), now.Add(time.Hour).Unix()): true,
		fmt.Sprintf(`, "nbf": %d`, now.Add(-time.Hour).UnixMilli()):                                                true,
		fmt.Sprintf(`, "nbf": %d`, now.Add(time.Hour).UnixMilli()):                                                 false,
		fmt.Sprintf(`, "exp": %d`, now.Add(-time.Hour).Unix()):                                                     false,
		fmt.Sprintf(`, "nbf": %d`, now.Add(time.Hour).Unix()):                                                      false,
	} {
		s := openedSigners(t, directoryOf(public, dates))
		r := httptest.NewRequest(http.MethodGet, "http://loewen.example/", nil)
		bot.sign(r, `("@authority")`, bot.params(now, now.Add(time.Minute), ""), line)
		if got := s.signed(r, netip.Addr{}, now); got != want {
			t.Errorf("a key with %s holds is %v, want %v", dates, got, want)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                "not a JWK set",
		`{"keys": []}`:                    "no Ed25519 key",
		`{"keys": [{"kty": "RSA"}]}`:      "no Ed25519 key",
		directoryOf(make([]byte, 31), ""): "key 2: x is not 32 bytes",
		directoryOf(make([]byte, 32), `, "d": "n4Ni"`):         "key 2 is a private key (it has d)",
		directoryOf(make([]byte, 32), `, "use": "enc"`):        "no Ed25519 key",
		`{"keys": [` + strings.Repeat("{},", maxKeys) + `{}]}`: "more than 1000 keys",
	} {
		if _, _, err := readKeyring([]byte(raw), time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", raw, err, want)
		}
	}
}

// Knowing a key's name lets no client use more than the edge has set aside for
// it, and does not lock the key's owner out.
func TestJunkSignaturesAreCapped(t *testing.T) {
	directory, bot := newSigner(t)
	s := openedSigners(t, directory)
	now := time.Now()
	crawler, stranger, newcomer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("192.0.2.2")
	request := func(n int, junk bool) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "http://loewen.example/", nil)
		bot.sign(r, `("@authority")`, bot.params(now, now.Add(time.Minute), fmt.Sprintf(";n=%d", n)), line)
		if junk {
			r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":")
		}
		return r
	}
	if !s.signed(request(0, false), crawler, now) {
		t.Fatal("the crawler is not known")
	}
	wrong, capped := counted(t, signatureWrong), counted(t, signatureCapped)
	for n := range 1000 {
		if s.signed(request(n, true), stranger, now) {
			t.Fatal("junk is verified")
		}
	}
	if got := counted(t, signatureWrong) - wrong; got != failureBurst {
		t.Errorf("%v junk signatures were checked at once, want %v", got, failureBurst)
	}
	if got := counted(t, signatureCapped) - capped; got != 1000-failureBurst {
		t.Errorf("%v junk signatures were capped, want %v", got, 1000-failureBurst)
	}
	for n := range 100 {
		if !s.signed(request(n+1, false), crawler, now) {
			t.Fatalf("the crawler's signature %d is not checked any more", n)
		}
	}
	if s.signed(request(101, false), newcomer, now) {
		t.Error("a newcomer is checked while the budget is used up")
	}
	if !s.signed(request(101, false), newcomer, now.Add(time.Second)) {
		t.Error("a newcomer is not checked a second later")
	}
	s.signed(request(0, true), crawler, now)
	for range 1000 {
		s.signed(request(0, true), stranger, now)
	}
	if s.signed(request(102, false), crawler, now) {
		t.Error("a client that has sent junk is still verified without limit")
	}
}

// A signature that was verified is not checked again, for the same request
// and as long as it holds; not for another.
func TestVerifiedSignaturesAreRemembered(t *testing.T) {
	directory, bot := newSigner(t)
	s := openedSigners(t, directory)
	now := time.Now()
	r := httptest.NewRequest(http.MethodGet, "http://loewen.example/", nil)
	bot.sign(r, `("@authority")`, bot.params(now, now.Add(time.Minute), ""), line)
	for n, step := range []struct {
		host string
		tls  *tls.ConnectionState
		now  time.Time
		want prometheus.Counter
	}{
		{"loewen.example", nil, now, signatureVerified},
		{"loewen.example", nil, now, signatureRemembered},
		{"LOEWEN.example:80", nil, now, signatureRemembered},
		{"loewen.example:443", new(tls.ConnectionState), now, signatureRemembered},
		{"sonnen.example", nil, now, signatureWrong},
		{"loewen.example:8080", nil, now, signatureWrong},
		{"loewen.example", nil, now.Add(3 * time.Minute), signatureExpired},
	} {
		r.Host, r.TLS = step.host, step.tls
		before := counted(t, step.want)
		s.signed(r, netip.Addr{}, step.now)
		if counted(t, step.want) != before+1 {
			t.Errorf("step %d: counted under another name", n)
		}
	}
}
