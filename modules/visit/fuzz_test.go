package visit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// FuzzClass: every request has a class, without allocating; slashes do not change it; and
// what a browser sends, or what servers read in different ways, is no notification.
func FuzzClass(f *testing.F) {
	for _, line := range slices.Concat(notified, unnotified) {
		method, target, _ := strings.Cut(line, " ")
		f.Add(method, target, "")
	}
	for _, path := range []string{"/", "", "/Kasse", "//payment//callback", "/a/b/c/d/e/f/callback", "/x.css", "/\xff.PNG", "/.well-known/x", "/sitemap.xml.gz"} {
		f.Add(http.MethodGet, path, "")
	}
	f.Add(http.MethodPost, "/x.css", "WebSocket")
	f.Fuzz(func(t *testing.T, method, target, upgrade string) {
		u, err := url.ParseRequestURI("/" + target)
		if err != nil {
			path, query, _ := strings.Cut(target, "?")
			u = &url.URL{Path: path, RawQuery: query}
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{}}
		if upgrade != "" {
			r.Header.Set("Upgrade", upgrade)
		}
		var class shop.Class
		if n := testing.AllocsPerRun(1, func() { class = classOf(r) }); n != 0 {
			t.Errorf("%s %q costs %v allocations", method, target, n)
		}
		if _, err := shop.ParseClass(class.String()); err != nil {
			t.Errorf("%s %q has class %v: %v", method, target, class, err)
		}
		if class == shop.Callback && strings.ContainsAny(u.EscapedPath(), "%;\\") {
			t.Errorf("%s %q is a notification", method, target)
		}
		if u.RawPath == "" {
			u.Path = "/" + u.Path
			if again := classOf(r); again != class {
				t.Errorf("%q is %v, with one slash more %v", target, class, again)
			}
		}
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		if classOf(r) == shop.Callback {
			t.Errorf("%s %q of a browser is a notification", method, target)
		}
	})
}

// FuzzSignature: whatever is sent as a signature, only the key's owner is
// verified, and only at the shop and for the page that was signed.
func FuzzSignature(f *testing.F) {
	directory, bot := newSigner(f)
	s := openedSigners(f, directory)
	now := time.Now()
	good := httptest.NewRequest(http.MethodGet, "http://loewen.example/a", nil)
	good.Header.Set("Signature-Agent", `sig1="https://bot.example"`)
	bot.sign(good, `("@authority" "@path" "signature-agent";key="sig1")`, bot.params(now, now.Add(time.Hour), ""),
		line, `"@path": /a`, `"signature-agent";key="sig1": "https://bot.example"`)
	input, value, agent := good.Header.Get("Signature-Input"), good.Header.Get("Signature"), good.Header.Get("Signature-Agent")
	f.Add("loewen.example", "/a", input, value, agent, "")
	f.Add("sonnen.example", "/a", input, value, agent, "")
	f.Add("loewen.example", "/b", input, value, agent, "*/*")
	f.Add("loewen.example", "/a", strings.ReplaceAll(input, `"@path"`, `"accept";sf "@query-param";name="x"`), value, agent, "*/*")
	f.Add("loewen.example", "/a", strings.ReplaceAll(input, "sig1=", "sig2=(), sig1=:AA==:;a=?1, sig3=1.5;b=@7, sig1="), value+", sig2", "", "\n")
	f.Fuzz(func(t *testing.T, host, path, input, value, agent, accept string) {
		r := &http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Path: path}, Header: http.Header{
			"Signature-Input": {input}, "Signature": {value}, "Accept": {accept},
		}}
		if agent != "" {
			r.Header.Set("Signature-Agent", agent)
		}
		if s.signed(r, netip.Addr{}, now) && (strings.TrimSuffix(strings.ToLower(host), ":80") != "loewen.example" || r.URL.EscapedPath() != "/a") {
			t.Errorf("a signature for loewen.example/a is good for %q%q", host, path)
		}
	})
}

// FuzzRanges: whatever a file holds, it is refused, or a table without the
// whole world in it.
func FuzzRanges(f *testing.F) {
	for _, raw := range []string{published, "192.0.2.0/24 # x\n::1", "{", "0.0.0.0/0", "::ffff:0.0.0.0/96"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, _, err := readRanges(raw, time.Time{})
		if err != nil {
			return
		}
		for prefix := range table.All() {
			if err := narrow(prefix); err != nil {
				t.Error(err)
			}
		}
		if table.Size() == 0 {
			t.Error("a table of nothing was taken over")
		}
	})
}
