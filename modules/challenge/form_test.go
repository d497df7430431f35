package challenge

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/webpage"
)

func TestFormsThatThePageSends(t *testing.T) {
	for body, want := range map[string]bool{
		"name=value":                  true,
		"a=1&b=&a=2":                  true,
		"street=Hauptstra%C3%9Fe+1":   true,
		"free=*-._%7E%26%2B%25":       true,
		"lines=one%0D%0Atwo":          true,
		"":                            false,
		"name":                        false,
		"=value":                      false,
		"a=1&&b=2":                    false,
		"a=1&":                        false,
		"umlaut=%FC":                  false, // ISO 8859-1
		"case=%c3%b6":                 false,
		"free=~":                      false,
		"star=%2A":                    false,
		"raw=\u00f6":                  false,
		"broken=%zz":                  false,
		"lines=one%0Atwo":             false,
		"lines=one%0Dtwo":             false,
		"nothing=%00":                 false,
		"_charset_=UTF-8":             false,
		"space=a%20b":                 false,
		"script=<script>alert(1)":     false,
		"script=%3Cscript%3Ealert(1)": false,
	} {
		if got := isPlainForm(body); got != want {
			t.Errorf("isPlainForm(%q) = %v, want %v", body, got, want)
		}
	}
}

// Only a small form of the shop's own page is given back.
func TestFormOf(t *testing.T) {
	const body = "a=1&b=2"
	for name, c := range map[string]struct {
		method, header, body, want string
	}{
		"the shop's own":       {body: body, want: body},
		"of another site":      {header: "Sec-Fetch-Site: cross-site", body: body, want: "&" + body},
		"of another, large":    {header: "Sec-Fetch-Site: cross-site", body: "a=" + strings.Repeat("x", webpage.MaxValue-2), want: "&"},
		"of another host":      {header: "Sec-Fetch-Site: same-site", body: body},
		"of no known page":     {header: "Sec-Fetch-Mode:", body: body},
		"of a script":          {header: "Sec-Fetch-Mode: cors", body: body},
		"with files":           {header: "Content-Type: multipart/form-data; boundary=x", body: body},
		"data":                 {header: "Content-Type: application/json", body: body},
		"put":                  {method: "PUT", body: body},
		"empty":                {},
		"large":                {body: "a=" + strings.Repeat("x", webpage.MaxValue)},
		"as large as possible": {body: "a=" + strings.Repeat("x", webpage.MaxValue-2), want: "a=" + strings.Repeat("x", webpage.MaxValue-2)},
	} {
		method := "POST"
		if c.method != "" {
			method = c.method
		}
		r := httptest.NewRequest(method, "/checkout", strings.NewReader(c.body))
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if field, value, ok := strings.Cut(c.header, ":"); ok {
			r.Header.Set(field, strings.TrimSpace(value))
		}
		if got := formOf(r); got != c.want {
			t.Errorf("%s: given back %.40q, want %.40q", name, got, c.want)
		}
	}
	for origin, want := range map[string]string{"http://example.com": body, "http://evil.test": "", "null": "", "": ""} {
		r := httptest.NewRequest("POST", "http://example.com/checkout", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		if got := formOf(r); got != want {
			t.Errorf("an old browser's form of %q: given back %q, want %q", origin, got, want)
		}
	}
}
