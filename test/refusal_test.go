package test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
)

// onePerHour refuses everybody from the second request on.
const onePerHour = `shield loewen {
	name "Löwen Apotheke"
	phone "+49 30 5550100"
	imprint /imprint
	limit total {
		key shop
		rate 1/h
	}
	%s
}
shop_backend %s
`

// startRefusing starts an edge that refuses from now on.
func startRefusing(t testing.TB, words, rest string) *edge.Edge {
	t.Helper()
	shop := newBackend(t)
	e := edge.Start(t, head("")+site(anyHost, fmt.Sprintf(onePerHour, words, shop.Addr)+rest))
	if got := get(t, http.DefaultClient, e.URL); got.status != http.StatusOK {
		t.Fatalf("the first request: status %d", got.status)
	}
	return e
}

var reference = regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{4}-[0-9a-hjkmnp-tv-z]{4}\b`)

// TestRefusalSpeaksToTheVisitor: a page for people, problem details for
// programs, nothing for pictures.
func TestRefusalSpeaksToTheVisitor(t *testing.T) {
	t.Parallel()
	e := startRefusing(t, "compact_after 1000", "")
	for _, c := range []struct {
		what, path  string
		header      []string
		contentType string
		holds       []string
	}{
		{
			"a German browser", "/",
			[]string{"Sec-Fetch-Mode: navigate", "Accept-Language: de-DE,de;q=0.9,en;q=0.5"},
			"text/html; charset=utf-8",
			[]string{`<html lang="de"`, "Einen Moment, bitte", "+49 30 5550100", "Löwen Apotheke", "/imprint"},
		},
		{
			"an English browser", "/",
			[]string{"Accept: text/html,*/*;q=0.8", "Accept-Language: en-GB"},
			"text/html; charset=utf-8",
			[]string{`<html lang="en"`, "One moment", "+49 30 5550100"},
		},
		{
			"a browser of no known language", "/",
			[]string{"Sec-Fetch-Mode: navigate", "Accept-Language: tlh"},
			"text/html; charset=utf-8",
			[]string{`<html lang="de"`},
		},
		{"fetch", "/cart", []string{"Sec-Fetch-Mode: cors", "Accept: */*"}, "application/problem+json", nil},
		{"XMLHttpRequest", "/cart", []string{"X-Requested-With: XMLHttpRequest"}, "application/problem+json", nil},
		{"a program at the API", "/api/products", nil, "application/problem+json", nil},
		{"a picture", "/static/a.png", []string{"Sec-Fetch-Mode: no-cors", "Accept: image/*"}, "", nil},
	} {
		got := get(t, http.DefaultClient, e.URL+c.path, c.header...)
		if got.status != http.StatusTooManyRequests {
			t.Errorf("%s: status %d", c.what, got.status)
			continue
		}
		for name, want := range map[string]string{
			"Content-Type": c.contentType, "Cache-Control": "no-store", "Retry-After": "3600",
			"Ratelimit-Policy": `"total";q=1;w=3600`, "Ratelimit": `"total";r=0;t=3600`,
		} {
			// A second may have passed since the token was taken.
			if value := strings.ReplaceAll(got.header.Get(name), "3599", "3600"); value != want {
				t.Errorf("%s: %s is %q, want %q", c.what, name, value, want)
			}
		}
		for _, want := range c.holds {
			if !strings.Contains(html.UnescapeString(got.body), want) {
				t.Errorf("%s: no %q in the page:\n%s", c.what, want, got.body)
			}
		}
		switch c.contentType {
		case "text/html; charset=utf-8":
			if !reference.MatchString(got.body) {
				t.Errorf("%s: no reference in the page:\n%s", c.what, got.body)
			}
			if csp := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("%s: Content-Security-Policy %q", c.what, csp)
			}
			if strings.Contains(got.body, "<script") || strings.Contains(got.body, "//cdn") {
				t.Errorf("%s: the page loads something", c.what)
			}
		case "application/problem+json":
			var problem struct {
				Type      string   `json:"type"`
				Status    int      `json:"status"`
				Violated  []string `json:"violated-policies"`
				Reference string   `json:"reference"`
			}
			if err := json.Unmarshal([]byte(got.body), &problem); err != nil || problem.Status != 429 ||
				len(problem.Violated) != 1 || problem.Violated[0] != "total" || !reference.MatchString(problem.Reference) {
				t.Errorf("%s: problem %q, %v", c.what, got.body, err)
			}
		default:
			if got.body != "" {
				t.Errorf("%s: a body of %d bytes", c.what, len(got.body))
			}
		}
	}
}

// TestShopsOwnErrorPageWins over ours.
func TestShopsOwnErrorPageWins(t *testing.T) {
	t.Parallel()
	e := startRefusing(t, "", "handle_errors 429 {\n\trespond \"unsere eigene Seite\" 429\n}\n")
	got := get(t, http.DefaultClient, e.URL, "Accept: text/html")
	if got.status != http.StatusTooManyRequests || got.body != "unsere eigene Seite" || got.header.Get("Retry-After") == "" {
		t.Errorf("status %d, body %q, headers %v", got.status, got.body, got.header)
	}
}

// TestCompactRefusal: who ignores refusals gets a bare 429, then a penalty.
func TestCompactRefusal(t *testing.T) {
	t.Parallel()
	shop := newBackend(t)
	e := edge.Start(t, head("")+site(anyHost, `shield loewen {
	compact_after 3
	limit client {
		rate 1/s
		burst 1
		penalty 6 1h
	}
}
shop_backend `+shop.Addr))
	var bodies []bool
	for range 10 {
		got := get(t, http.DefaultClient, e.URL, "Accept: text/html")
		bodies = append(bodies, got.body != "")
		if len(bodies) == 10 && got.header.Get("Retry-After") < "3590" {
			t.Errorf("after the penalty: Retry-After %q, want an hour", got.header.Get("Retry-After"))
		}
	}
	want := "[true true true true false false false false false false]"
	if got := fmt.Sprint(bodies); got != want {
		t.Errorf("answers with a body: %s, want %s", got, want)
	}
	if got := get(t, edge.From("127.9.9.9"), e.URL).status; got != http.StatusOK {
		t.Errorf("another client: status %d", got)
	}
}

// TestShadowRefusesNobody, but counts.
func TestShadowRefusesNobody(t *testing.T) {
	t.Parallel()
	shop := newBackend(t)
	e := edge.Start(t, head("")+site(anyHost, "shield loewen {\n\tlimit client {\n\t\trate 1/h\n\t\tburst 1\n\t\tshadow\n\t}\n}\nshop_backend "+shop.Addr))
	for range 10 {
		if got := get(t, http.DefaultClient, e.URL).status; got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
	want := `theriac_limit_decisions_total{decision="shadow",shop="loewen",zone="client"} 9`
	if metrics := e.Metrics(t); !strings.Contains(metrics, want) {
		t.Errorf("no %s in the metrics", want)
	}
}
