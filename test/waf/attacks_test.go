package waf

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// What attackers write, and what customers do.
const (
	script = `<script>alert(1)</script>`
	plain  = `Aspirin 500 mg`
)

// attack is a request that is refused, beside one of the same shape that is
// not.
type attack struct {
	method, target string
	header         string // "Name: value" lines
	body           func(value string) string
	status         int
	harmless       string // (optional) the value that passes, instead of plain; "-" if none does
}

// fields is a form with value behind n others.
func fields(n int) func(string) string {
	return func(value string) string {
		return strings.Repeat("a=1&", n) + "q=" + value
	}
}

// items is a JSON document with value behind n others.
func items(n int) func(string) string {
	return func(value string) string {
		return `{"items":[` + strings.Repeat("1,", n) + fmt.Sprintf("%q]}", value)
	}
}

// upload is a multipart body with one part.
func upload(disposition string) func(string) string {
	return func(value string) string {
		return "--b\r\nContent-Disposition: form-data; " + strings.ReplaceAll(disposition, "VALUE", value) +
			"\r\n\r\ntext\r\n--b--\r\n"
	}
}

func text(format string) func(string) string {
	return func(value string) string { return strings.ReplaceAll(format, "VALUE", value) }
}

const (
	formType      = "Content-Type: application/x-www-form-urlencoded"
	jsonType      = "Content-Type: application/json"
	xmlType       = "Content-Type: text/xml"
	multipartType = "Content-Type: multipart/form-data; boundary=b"
)

// attacks are known ways around web application firewalls, and what the
// default settings answer to each.
var attacks = map[string]attack{
	"a script in a query":               {"GET", "/?q=VALUE", "", text(""), 403, "Aspirin"},
	"a script in the last field":        {"POST", "/", formType, fields(200), 403, ""},
	"a script behind 1,000 fields":      {"POST", "/", formType, fields(1000), 413, "-"},
	"a script in the last JSON value":   {"POST", "/", jsonType, items(200), 403, ""},
	"a script behind 1,000 JSON values": {"POST", "/", jsonType, items(1000), 413, "-"},
	"a script behind 1,000 of a query":  {"GET", "/?" + strings.Repeat("a=1&", 1000) + "q=VALUE", "", text(""), 400, "-"},

	"a script in an XML attribute": {"POST", "/", xmlType, func(value string) string { return `<a b="` + html.EscapeString(value) + `"/>` }, 403, ""},
	"SQL in an XML attribute":      {"POST", "/", xmlType, text(`<a b="1' OR '1'='1' --"/>`), 403, "-"},
	"a file in an XML attribute":   {"POST", "/", xmlType, text(`<a b="../../../../etc/passwd"/>`), 403, "-"},

	"two slashes before a secret file": {"GET", "//.env", "", text(""), 403, "-"},
	"two slashes before a script":      {"GET", "//x/?q=VALUE", "", text(""), 403, "Aspirin"},

	"a compressed body":          {"POST", "/", formType + "\nContent-Encoding: gzip", func(value string) string { return zipped("q=" + value) }, 415, "-"},
	"the first of two JSON keys": {"POST", "/", jsonType, text(`{"q":"VALUE","q":"x"}`), 403, ""},
	"the last of two JSON keys":  {"POST", "/", jsonType, text(`{"q":"x","q":"VALUE"}`), 403, ""},
	"JSON that goes deep":        {"POST", "/", jsonType, text(strings.Repeat("[", 100) + strings.Repeat("]", 100)), 400, "-"},
	"broken JSON":                {"POST", "/", jsonType, text(`{"q":"VALUE`), 400, "-"},
	"JSON in UTF-16":             {"POST", "/", jsonType, func(value string) string { return wide(`{"q":"` + value + `"}`) }, 400, "-"},

	"a program as a file":            {"POST", "/", multipartType, upload(`name="f"; filename="VALUE"`), 403, "rezept.jpg"},
	"a file name in UTF-16":          {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=UTF-16''%FE%FF%00x%00.%00p%00h%00p`), 400, "-"},
	"a file name in UTF-7":           {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=UTF-7''shell+AC4-php`), 400, "-"},
	"a file name in no charset":      {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=''VALUE`), 400, "-"},
	"a file name in ISO 8859-1":      {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=ISO-8859-1''VALUE`), 403, "rezept.jpg"},
	"a file name escaped":            {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=UTF-8''shell%2Ephp`), 403, "-"},
	"a second file name":             {"POST", "/", multipartType, upload(`name="f"; filename="a.jpg"; filename*=UTF-8''VALUE`), 403, "rezept.jpg"},
	"multipart without an end":       {"POST", "/", multipartType, text("--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nVALUE"), 400, "-"},
	"multipart with a broken header": {"POST", "/", multipartType, text("--b\r\nContent-Disposition form-data\r\n\r\nVALUE\r\n--b--\r\n"), 400, "-"},
	"multipart of another boundary":  {"POST", "/", multipartType, text("--c\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nVALUE\r\n--c--\r\n"), 400, "-"},
	"multipart without a boundary":   {"POST", "/", "Content-Type: multipart/form-data", upload(`name="q"`), 400, "-"},
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // to memory
	_ = w.Close()
	return b.String()
}

// wide is ASCII as UTF-16.
func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}

// TestAttacks: each is refused, its harmless twin is not.
func TestAttacks(t *testing.T) {
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shop_visit loewen\nshop_waf loewen\nshop_backend "+backend.Addr))
	ask := func(a attack, value string) (status int, reached bool) {
		before := backend.Requests.Load()
		header := append(strings.Split(a.header, "\n"), "User-Agent: Mozilla/5.0", "Accept: text/html", "Host: loewen.example")
		if a.header == "" {
			header = header[1:]
		}
		body := a.body(value)
		if a.method == http.MethodGet {
			body = ""
		}
		raw := a.method + " " + strings.ReplaceAll(a.target, "VALUE", strings.ReplaceAll(value, " ", "+")) + " HTTP/1.1\r\n" + strings.Join(header, "\r\n") +
			fmt.Sprintf("\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(body)) + body
		status = exchange(t.Context(), e.Addr, "127.0.0.1", a.method, []byte(raw))
		return status, backend.Requests.Load() != before
	}
	for name, a := range attacks {
		value := script
		if strings.Contains(name, "file") {
			value = "shell.php"
		}
		if status, reached := ask(a, value); status != a.status || reached {
			t.Errorf("%s: status %d, want %d; reached the shop: %t", name, status, a.status, reached)
		}
		harmless := a.harmless
		if harmless == "-" {
			continue
		}
		if harmless == "" {
			harmless = plain
		}
		if status, reached := ask(a, harmless); status != http.StatusOK || !reached {
			t.Errorf("%s: its harmless twin has status %d", name, status)
		}
	}
}
