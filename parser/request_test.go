package parser

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// read returns the values of a source as name=text.
func read(t *testing.T, source Source, r *http.Request, body string) (values []string) {
	t.Helper()
	table, err := ReadHeader(r, defaults)
	if err == nil {
		err = table.ReadBody(r, []byte(body))
	}
	if err != nil {
		t.Errorf("%s: %v", body, err)
	}
	for _, v := range table.Values {
		if v.Source == source {
			values = append(values, v.Name+"="+v.Text)
		}
	}
	return values
}

func TestQuery(t *testing.T) {
	for query, want := range map[string]string{
		"":                  "",
		"a=1&b=2":           "a=1 b=2",
		"a=1&a=2":           "a=1 a=2",
		"a":                 "a=",
		"&&a=1&":            "a=1",
		"=1":                "=1",
		"a=b=c":             "a=b=c",
		"a+b=c%20d":         "a b=c d",
		"%61=%c3%a4%2":      "a=ä%2",
		"a=%zz%4":           "a=%zz%4",
		"a=%25%32%37":       "a=%27",
		"a[b][]=1;c=2":      "a[b][]=1;c=2",
		"a=1?b=2":           "a=1?b=2",
		"a=%00%0a%ff%C0%AF": "a=\x00\n\xff\xc0\xaf",
	} {
		got := strings.Join(read(t, Query, asked(http.MethodGet, "/?"+query), ""), " ")
		if got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

func TestCookies(t *testing.T) {
	for line, want := range map[string]string{
		"a=1; b=2":                               "a=1 b=2",
		"a=1;b=2;":                               "a=1 b=2",
		"a=1; a=2":                               "a=1 a=2",
		`a="b;c"`:                                `a="b c"=`,
		"a=b=c; d":                               "a=b=c d=",
		"=x; \x01=y; =":                          "=x =y",
		"\ta\x0b = %41 ":                         "a=%41",
		"$Version=1; JSESSIONID=0F8C; $Path=/":   "$Version=1 JSESSIONID=0F8C $Path=/",
		"csrf[frontend.account.profile.save]=d1": "csrf[frontend.account.profile.save]=d1",
	} {
		r := asked(http.MethodGet, "/")
		r.Header["Cookie"] = []string{line}
		if got := strings.Join(read(t, Cookie, r, ""), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestHeaders: trailers count as headers, and what net/http has answered does not.
func TestHeaders(t *testing.T) {
	r := asked(http.MethodPost, "/", "X-A: 1", "X-A: 2", "Expect: 100-continue", "Content-Type: text/plain")
	r.Host, r.Trailer, r.TransferEncoding = "shop.example", http.Header{"X-T": {"3"}}, []string{"chunked"}
	got := read(t, Header, r, "x")
	slices.Sort(got)
	want := []string{"Content-Type=text/plain", "Host=shop.example", "Transfer-Encoding=chunked", "X-A=1", "X-A=2", "X-T=3"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestUpgrades: a connection becomes a WebSocket or stays what it is.
func TestUpgrades(t *testing.T) {
	for _, c := range []struct{ connection, upgrade, want string }{
		{"", "", "fine"},
		{"keep-alive", "", "fine"},
		{"Upgrade", "websocket", "fine"},
		{"keep-alive, Upgrade", "WebSocket", "fine"},
		{"", "h2c", "fine"}, // no proxy passes it on
		{"Upgrade", "", "fine"},
		{"Upgrade, HTTP2-Settings", "h2c", "upgrade 400"},
		{"upgrade", "foo", "upgrade 400"},
		{"upgrade", "websocket, h2c", "upgrade 400"},
		{"upgrade", "TLS/1.0", "upgrade 400"},
	} {
		r := asked(http.MethodGet, "/", "Connection: "+c.connection, "Upgrade: "+c.upgrade)
		_, err := ReadHeader(r, defaults)
		if got := describe(err); got != c.want {
			t.Errorf("Connection: %s, Upgrade: %s: %s, want %s", c.connection, c.upgrade, got, c.want)
		}
	}
}

// TestBodies: a body is what its type says, or else what it is.
func TestBodies(t *testing.T) {
	const (
		form = "application/x-www-form-urlencoded"
		file = "\x89PNG\r\n\x00\x1a"
	)
	for _, c := range []struct {
		contentType, body string
		kind              Kind
		want              string // of Form, Leaf and Body
	}{
		{form, "a=1&b=2", FormBody, "[a=1 b=2]"},
		{form, `{"order": 10023}`, JSONBody, "[json.order=10023]"},
		{form, `{"a":"b&q=attack"}`, JSONBody, `[json.a=b&q=attack q=attack"}]`},
		{form, `{"a":"b`, FormBody, `[{"a":"b=]`},
		{form, `<a>b</a>`, XMLBody, "[]"},
		{form, `<a><!-- &q=attack&r=s --></a>`, XMLBody, "[q=attack r=s --></a>]"},
		{form, `<b>bold`, FormBody, "[<b>bold=]"},
		{"text/plain", "Guten Tag", TextBody, "[body=Guten Tag]"},
		{"text/plain", "a=1&b=2", FormBody, "[a=1 b=2]"},
		{"text/plain", "a=1\r\nb=2\r\n", TextBody, "[body=a=1\r\nb=2\r\n]"},
		{"text/plain", ` {"a":[1,"x"]}`, JSONBody, "[json.a.0=1 json.a.1=x]"},
		{"text/plain", `{"a":1` + "\n", TextBody, `[body={"a":1` + "\n]"},
		{"text/plain", `{"a":1}` + "\n" + `{"b":2}` + "\n", JSONBody, "[json.a=1 json.b=2]"},
		{"text/csv", "PZN;Menge\r\n04114918;1\r\n", TextBody, "[body=PZN;Menge\r\n04114918;1\r\n]"},
		{"application/csp-report", `{"csp-report":{"blocked-uri":"data"}}`, JSONBody, "[json.csp-report.blocked-uri=data]"},
		{"application/octet-stream", `["a"]`, JSONBody, "[json.0=a]"},
		{"application/octet-stream", file, OpaqueBody, "[]"},
		{"application/offset+octet-stream", file, OpaqueBody, "[]"},
		{"image/heic", file, OpaqueBody, "[]"},
		{"image/jpeg", "no picture", TextBody, "[body=no picture]"},
		{"text/plain", file, TextBody, "[body=" + file + "]"},
		{"", "id=4711", FormBody, "[id=4711]"},
		{"", "\x08\x01\x12\x05lcp\x00\x1f", OpaqueBody, "[]"},
		{"", "Hallo", TextBody, "[body=Hallo]"},
		{"application/json", `{"a":"b"}`, JSONBody, "[json.a=b]"},
		{"application/fhir+json", `{"a":"b"}`, JSONBody, "[json.a=b]"},
		{"application/x-ndjson", `{"a":"b"}` + "\n" + `{"a":"c"}`, JSONBody, "[json.a=b json.a=c]"},
	} {
		r := asked(http.MethodPost, "/", "Content-Type: "+c.contentType)
		table, err := ReadHeader(r, defaults)
		if err == nil {
			err = table.ReadBody(r, []byte(c.body))
		}
		var got []string
		for _, v := range table.Values {
			if v.Source == Form || v.Source == Leaf || v.Source == Body {
				got = append(got, v.Name+"="+v.Text)
			}
		}
		if err != nil || table.Kind != c.kind || fmt.Sprint(got) != c.want {
			t.Errorf("%s %q: kind %d, %v, %v; want kind %d, %s", c.contentType, c.body, table.Kind, got, err, c.kind, c.want)
		}
	}
}

// TestRefusedBodies: what servers read differently is refused, whatever is in it.
func TestRefusedBodies(t *testing.T) {
	for _, c := range []struct{ contentType, body, want string }{
		{"application/json", `{"a":1,}`, "json 400"},
		{"application/json; charset=utf-16", `{}`, "charset 400"},
		{"application/x-www-form-urlencoded; charset=utf-7", "a=+ADw-script", "charset 400"},
		{"text/plain; charset=ibm500", "x", "charset 400"},
		{"text/plain", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "dtd 400"},
		{"application/x-www-form-urlencoded", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "dtd 400"},
		{"text/plain", strings.Repeat("[", 40) + strings.Repeat("]", 40), "depth 400"},
		{"application/json, text/plain", "{}", "content-type 400"},
	} {
		r := asked(http.MethodPost, "/", "Content-Type: "+c.contentType)
		table, err := ReadHeader(r, defaults)
		if err == nil {
			err = table.ReadBody(r, []byte(c.body))
		}
		if got := describe(err); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.contentType, c.body, got, c.want)
		}
	}
}
