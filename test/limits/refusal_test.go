package limits

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
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
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, fmt.Sprintf(onePerHour, words, shop.Addr)+rest))
	if got := kit.Get(t, http.DefaultClient, e.URL); got.Status != http.StatusOK {
		t.Fatalf("the first request: status %d", got.Status)
	}
	return e
}

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
		got := kit.Get(t, http.DefaultClient, e.URL+c.path, c.header...)
		if got.Status != http.StatusTooManyRequests {
			t.Errorf("%s: status %d", c.what, got.Status)
			continue
		}
		for name, want := range map[string]string{
			"Content-Type": c.contentType, "Cache-Control": "no-store", "Retry-After": "3600",
			"Ratelimit-Policy": `"total";q=1;w=3600`, "Ratelimit": `"total";r=0;t=3600`,
		} {
			// A second may have passed since the token was taken.
			if value := strings.ReplaceAll(got.Header.Get(name), "3599", "3600"); value != want {
				t.Errorf("%s: %s is %q, want %q", c.what, name, value, want)
			}
		}
		for _, want := range c.holds {
			if !strings.Contains(html.UnescapeString(got.Body), want) {
				t.Errorf("%s: no %q in the page:\n%s", c.what, want, got.Body)
			}
		}
		switch c.contentType {
		case "text/html; charset=utf-8":
			if !kit.Reference.MatchString(got.Body) {
				t.Errorf("%s: no reference in the page:\n%s", c.what, got.Body)
			}
			if csp := got.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("%s: Content-Security-Policy %q", c.what, csp)
			}
			if strings.Contains(got.Body, "<script") || strings.Contains(got.Body, "//cdn") {
				t.Errorf("%s: the page loads something", c.what)
			}
		case "application/problem+json":
			var problem struct {
				Type      string   `json:"type"`
				Status    int      `json:"status"`
				Violated  []string `json:"violated-policies"`
				Reference string   `json:"reference"`
			}
			if err := json.Unmarshal([]byte(got.Body), &problem); err != nil || problem.Status != 429 ||
				len(problem.Violated) != 1 || problem.Violated[0] != "total" || !kit.Reference.MatchString(problem.Reference) {
				t.Errorf("%s: problem %q, %v", c.what, got.Body, err)
			}
		default:
			if got.Body != "" {
				t.Errorf("%s: a body of %d bytes", c.what, len(got.Body))
			}
		}
	}
}

// TestShopsOwnErrorPageWins over ours.
func TestShopsOwnErrorPageWins(t *testing.T) {
	t.Parallel()
	e := startRefusing(t, "", "handle_errors 429 {\n\trespond \"unsere eigene Seite\" 429\n}\n")
	got := kit.Get(t, http.DefaultClient, e.URL, "Accept: text/html")
	if got.Status != http.StatusTooManyRequests || got.Body != "unsere eigene Seite" || got.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, body %q, headers %v", got.Status, got.Body, got.Header)
	}
}

// TestCompactRefusal: a client that ignores refusals gets a bare 429, then a penalty.
func TestCompactRefusal(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, `shield loewen {
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
		got := kit.Get(t, http.DefaultClient, e.URL, "Accept: text/html")
		bodies = append(bodies, got.Body != "")
		if len(bodies) == 10 && got.Header.Get("Retry-After") < "3590" {
			t.Errorf("after the penalty: Retry-After %q, want an hour", got.Header.Get("Retry-After"))
		}
	}
	want := "[true true true true false false false false false false]"
	if got := fmt.Sprint(bodies); got != want {
		t.Errorf("answers with a body: %s, want %s", got, want)
	}
	if got := kit.Get(t, edge.From("127.9.9.9"), e.URL).Status; got != http.StatusOK {
		t.Errorf("another client: status %d", got)
	}
}

// TestShadowRefusesNobody, but counts.
func TestShadowRefusesNobody(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shield loewen {\n\tlimit client {\n\t\trate 1/h\n\t\tburst 1\n\t\tshadow\n\t}\n}\nshop_backend "+shop.Addr))
	for range 10 {
		if got := kit.Get(t, http.DefaultClient, e.URL).Status; got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
	want := `theriac_limit_decisions_total{decision="shadow",shop="loewen",zone="client"} 9`
	if metrics := e.Metrics(t); !strings.Contains(metrics, want) {
		t.Errorf("no %s in the metrics", want)
	}
}
