package demoshop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// open starts a shop on a real port and closes it with the test.
func open(t *testing.T, c Config) (*Shop, *httptest.Server) {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return s, server
}

// browser is a client with cookies that does not follow redirects.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do sends a request, headers in pairs, and returns the answer and its body.
func do(t *testing.T, b *http.Client, method, u, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, u, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	res, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(page)
}

func post(t *testing.T, b *http.Client, u string, form url.Values) (*http.Response, string) {
	t.Helper()
	return do(t, b, "POST", u, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// draftFor fills a cart and returns the checkout form as a browser has it.
func draftFor(t *testing.T, b *http.Client, base string) url.Values {
	t.Helper()
	post(t, b, base+"/cart", url.Values{"action": {"add"}, "product": {"nasenspray"}})
	_, page := do(t, b, "GET", base+"/checkout", "")
	m := draftField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no draft in the checkout form: %s", page)
	}
	return url.Values{
		"draft": {m[1]}, "name": {"Erika Mustermann"}, "email": {"erika@kunden.example"}, "street": {"Heidestraße 17"},
		"zip": {"51147"}, "city": {"Köln"}, "reference": {"E-1"}, "payment": {"invoice"},
	}
}

func TestPages(t *testing.T) {
	s, server := open(t, Loewen())
	for _, c := range []struct {
		method, path, headers string
		status                int
		contains              string
	}{
		{"GET", "/", "", 200, "Nasenspray 0,1 % abschwellend"},
		{"GET", "/", "Accept-Language: en-GB,en;q=0.9,de;q=0.5", 200, "Decongestant nasal spray"},
		{"GET", "/?lang=en", "Accept-Language: de", 200, `<html lang="en">`},
		{"GET", "/?lang=xx", "", 200, `<html lang="de">`},
		{"HEAD", "/", "", 200, ""},
		{"GET", "/product/ibuprofen-400", "", 200, "4,95 €"},
		{"GET", "/product/ibuprofen-400?lang=en", "", 200, "€4.95"},
		{"GET", "/product/nothing", "", 404, "Diese Seite gibt es nicht"},
		{"GET", "/product/", "", 404, "Diese Seite gibt es nicht"},
		{"GET", "/search", "", 200, "Was dürfen wir für Sie suchen?"},
		{"GET", "/search?q=ERK%C3%84LTUNG", "", 200, "/product/nasenspray"},
		{"GET", "/search?q=erkaeltung+efeu", "", 200, "/product/hustensaft-efeu"},
		{"GET", "/search?q=90526013", "", 200, "/product/ibuprofen-400"},
		{"GET", "/search?q=<script>alert(1)</script>", "", 200, "&lt;script&gt;alert(1)"},
		{"GET", "/search?q=" + strings.Repeat("%FF", 500), "", 200, "suchen"},
		{"GET", "/cart", "", 200, "Ihr Warenkorb ist noch leer"},
		{"GET", "/account", "", 303, ""},
		{"GET", "/account/login", "", 200, `name="password"`},
		{"GET", "/checkout", "", 303, ""},
		{"GET", "/checkout/done?order=LOEWEN-000001-ABCDEFGH", "", 404, "Diese Seite"},
		{"GET", "/prescription", "", 200, `enctype="multipart/form-data"`},
		{"GET", "/api/nothing", "", 404, `"not found"`},
		{"GET", "/cardlink", "", 426, ""},
		{"GET", "/healthz", "", 200, "ok\n"},
		{"GET", "/wp-login.php", "", 404, "Diese Seite gibt es nicht"},
		{"POST", "/search", "", 405, ""},
		{"GET", "/payment/callback", "", 404, ""},
		{"GET", "/favicon.ico", "", 200, "PNG"},
		{"GET", "/static/img/vitamin-d3.svg", "", 200, "Vitamin D3"},
		{"GET", "/static/theme.css", "", 200, "#9b1c31"},
		{"GET", "/static/../demoshop.go", "", 307, ""},
	} {
		t.Run(c.method+" "+c.path+" "+c.headers, func(t *testing.T) {
			name, value, _ := strings.Cut(c.headers, ": ")
			res, body := do(t, browser(t), c.method, server.URL+c.path, "", append([]string{}, name, value)[:2*min(1, len(name))]...)
			if got, want := res.StatusCode, c.status; got != want {
				t.Errorf("got status %d, want %d", got, want)
			}
			if !strings.Contains(body, c.contains) {
				t.Errorf("%q is not in %q", c.contains, body)
			}
		})
	}
	truth := s.Truth()
	var sum int64
	for _, n := range truth.Statuses {
		sum += n
	}
	if got, want := sum, truth.Requests; got != want {
		t.Errorf("got %d answers, want one for each of %d requests", got, want)
	}
	if got, want := fmt.Sprint(truth.Kinds), "map[account:2 api:1 asset:4 callback:1 cart:1 checkout:2 health:1 other:1 page:5 prescription:1 product:4 search:7 socket:1]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTwoShopsLookDifferent(t *testing.T) {
	_, a := open(t, Loewen())
	_, b := open(t, Sonnen())
	for _, path := range []string{"/", "/static/theme.css", "/static/emblem.svg", "/favicon.ico"} {
		_, one := do(t, browser(t), "GET", a.URL+path, "")
		_, other := do(t, browser(t), "GET", b.URL+path, "")
		if one == other {
			t.Errorf("%s is the same in both shops", path)
		}
	}
}

func TestAssetsAreKept(t *testing.T) {
	s, server := open(t, Loewen())
	for _, c := range []struct{ query, cache string }{
		{"", "public, max-age=300"},
		{"?v=" + s.version, "public, max-age=31536000, immutable"},
		{"?v=old", "public, max-age=300"},
	} {
		res, _ := do(t, browser(t), "GET", server.URL+"/static/shop.css"+c.query, "")
		if got, want := res.Header.Get("Cache-Control"), c.cache; got != want {
			t.Errorf("%s: got %q, want %q", c.query, got, want)
		}
		again, _ := do(t, browser(t), "GET", server.URL+"/static/shop.css", "", "If-None-Match", res.Header.Get("ETag"))
		if got, want := again.StatusCode, 304; got != want {
			t.Errorf("asked again with the tag: got %d, want %d", got, want)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, `opening shop "": slug must be a-z, 0-9 and dashes`},
		{Config{Slug: "Löwe"}, `opening shop "Löwe": slug must be a-z, 0-9 and dashes`},
		{Config{Slug: "a", Language: "fr"}, `opening shop "a": language "fr" is not one of ["de" "en"]`},
		{Config{Slug: "a", Accent: "red; }"}, `opening shop "a": accent "red; }" is not a colour like #14694f`},
		{Config{Slug: "a", Emblem: "../x"}, `opening shop "a": emblem "../x" is not cross, lion or sun`},
		{Config{Slug: "a", Queue: -1}, `opening shop "a": page cost, page time, concurrency, queue and patience must not be negative`},
		{Config{Slug: "a", Sockets: -1}, `opening shop "a": upload limit and sockets must not be negative`},
	} {
		if _, err := New(c.config); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestTruthIsHiddenBehindAProxy(t *testing.T) {
	s, server := open(t, Loewen())
	for header, want := range map[string]int{
		"X-Forwarded-For": 404,
		"Via":             404,
		"Forwarded":       404,
		"X-Something":     200,
	} {
		res, body := do(t, browser(t), "GET", server.URL+"/_truth", "", header, "192.0.2.1")
		if got := res.StatusCode; got != want {
			t.Errorf("%s: got %d, want %d", header, got, want)
		}
		if want == 404 && strings.Contains(body, "kinds") {
			t.Errorf("%s: the truth is in the answer", header)
		}
	}
	if got, want := s.Truth().Requests, int64(3); got != want {
		t.Errorf("got %d requests, want %d: asking for the truth is none, trying through a proxy is", got, want)
	}
	_, body := do(t, browser(t), "GET", server.URL+"/_truth", "")
	var told Truth
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(told), fmt.Sprint(s.Truth()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
