package waf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

func defaults() *Bounds {
	b := new(Bounds)
	b.fillDefaults()
	return b
}

// asked is a request with these "Name: value" lines.
func asked(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	path, query, _ := strings.Cut(target, "?")
	r.RequestURI, r.URL.Path, r.URL.RawQuery = target, path, query
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// describe returns the rule and the status of a finding.
func describe(over *finding) string {
	if over == nil {
		return "fine"
	}
	return fmt.Sprint(over.rule, " ", over.status)
}

func TestBoundsOfHeader(t *testing.T) {
	many := func(n int, each string) string { return strings.Repeat(each, n) }
	for name, c := range map[string]struct {
		target string
		header []string
		length int64
		want   string
	}{
		"nothing":                       {"/", nil, 0, "fine"},
		"a body of 13 MiB":              {"/", nil, 13 << 20, "fine"},
		"a byte more":                   {"/", nil, 13<<20 + 1, "body 413"},
		"gzip":                          {"/", []string{"Content-Encoding: gzip"}, 0, "encoded 415"},
		"identity":                      {"/", []string{"Content-Encoding: Identity"}, 0, "fine"},
		"255 arguments":                 {"/?" + many(254, "a&") + "a", nil, 0, "fine"},
		"256 arguments":                 {"/?" + many(255, "a&") + "a", nil, 0, "arguments 400"},
		"256 after a second ?":          {"/?x?" + many(255, "a&"), nil, 0, "arguments 400"},
		"200 cookies":                   {"/", []string{"Cookie: " + many(199, "a=1; ") + "a=1"}, 0, "fine"},
		"201 cookies":                   {"/", []string{"Cookie: " + many(200, "a=1; ") + "a=1"}, 0, "cookies 400"},
		"201 cookies in lines":          {"/", []string{"Cookie: " + many(100, "a=1; ") + "a=1", "Cookie: " + many(99, "a=1; ") + "a=1"}, 0, "cookies 400"},
		"a query of 32 KiB":             {"/?" + many(32<<10, "a"), nil, 0, "fine"},
		"a byte more of query":          {"/?" + many(32<<10+1, "a"), nil, 0, "text 431"},
		"half a query, half a cookie":   {"/?" + many(16<<10, "a"), []string{"Cookie: " + many(16<<10, "a")}, 0, "fine"},
		"half a query, a larger cookie": {"/?" + many(16<<10, "a"), []string{"Cookie: " + many(16<<10+1, "a")}, 0, "text 431"},
	} {
		r := asked(http.MethodGet, c.target, c.header...)
		r.ContentLength = c.length
		if got := describe(defaults().checkHeader(r)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// form and upload are bodies of n fields of the same size.
func formOf(n, size int) string { return strings.Repeat("&f="+strings.Repeat("x", size-3), n)[1:] }

func uploadOf(n, size int, disposition string) string {
	part := "--b\r\nContent-Disposition: form-data; name=f" + disposition + "\r\n\r\n" + strings.Repeat("x", size) + "\r\n"
	return strings.Repeat(part, n) + "--b--\r\n"
}

func TestBoundsOfBody(t *testing.T) {
	const (
		form  = "application/x-www-form-urlencoded"
		parts = "multipart/form-data; boundary=b"
		js    = "application/json"
		file  = "; filename=f.jpg"
	)
	binary := strings.Repeat("x", 1<<20) + "\x00"
	for name, c := range map[string]struct {
		types, body, target string
		want                string
	}{
		"no body":                         {form, "", "/", "fine"},
		"a form of 255 fields":            {form, formOf(255, 8), "/", "fine"},
		"a form of 256 fields":            {form, formOf(256, 8), "/", "arguments 413"},
		"a form of 32 KiB":                {form, strings.Repeat("x", 32<<10), "/", "fine"},
		"a form of a byte more":           {form, strings.Repeat("x", 32<<10+1), "/", "text 413"},
		"a form and a query":              {form, formOf(200, 8), "/?" + formOf(55, 8), "fine"},
		"a form and a query too many":     {form, formOf(200, 8), "/?" + formOf(56, 8), "arguments 413"},
		"a form and a query too long":     {form, formOf(1, 16<<10), "/?" + formOf(1, 17<<10), "text 413"},
		"a form in capitals":              {" Application/X-WWW-Form-Urlencoded;a", formOf(256, 8), "/", "arguments 413"},
		"a form of two parameters a":      {form + "; a=1; a=2", formOf(256, 8), "/", "arguments 413"},
		"no type at all":                  {"", formOf(256, 8), "/", "arguments 413"},
		"a text":                          {"text/plain", strings.Repeat("x", 32<<10+1), "/", "text 413"},
		"a text that is none":             {"text/plain", binary, "/", "text 413"},
		"a stream of bytes":               {"application/octet-stream", binary, "/", "fine"},
		"a picture":                       {"image/jpeg", binary, "/", "fine"},
		"a stream of bytes that is text":  {"application/octet-stream", strings.Repeat("x", 32<<10+1), "/", "text 413"},
		"a picture and a form":            {"image/jpeg\n" + form, binary, "/", "text 413"},
		"an upload of 255 files":          {parts, uploadOf(255, 1000, file), "/", "fine"},
		"an upload of 256 files":          {parts, uploadOf(256, 1000, file), "/", "parts 413"},
		"an upload of a large file":       {parts, uploadOf(1, 1<<20, file), "/", "fine"},
		"an upload of a large field":      {parts, uploadOf(1, 1<<20, ""), "/", "text 413"},
		"a field with an empty file name": {parts, uploadOf(1, 1<<20, `; filename=""`), "/", "text 413"},
		"a field with a broken file name": {parts, uploadOf(1, 1<<20, `; filename=a; filename=b`), "/", "text 413"},
		"a long file name":                {parts, uploadOf(1, 1, "; filename="+strings.Repeat("x", 1<<20)), "/", "text 413"},
		"a long header of a part":         {parts, uploadOf(1, 1, file+"\r\nX: "+strings.Repeat("x", 1<<20)), "/", "text 413"},
		"an upload of 200 fields":         {parts, uploadOf(200, 100, ""), "/", "fine"},
		"an upload of 200 and a query":    {parts, uploadOf(200, 10, ""), "/?" + formOf(56, 8), "arguments 413"},
		"an upload in capitals":           {"Multipart/Form-Data; boundary=b", uploadOf(1, 1<<20, ""), "/", "text 413"},
		"an upload in quoted-printable":   {parts, uploadOf(1, 1<<20, "\r\nContent-Transfer-Encoding: quoted-printable"), "/", "text 413"},
		"multipart of another kind":       {"multipart/mixed; boundary=b", uploadOf(1, 1<<20, file), "/", "text 413"},
		"JSON":                            {js, `{"a":[` + strings.Repeat("1,", 200) + `1]}`, "/", "fine"},
		"JSON of too many values":         {js, `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "arguments 413"},
		"JSON of another kind":            {"application/vnd.api+json", `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "arguments 413"},
		"JSON of an unheard-of kind":      {"application/jsonx; a; b", `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "arguments 413"},
		"JSON of 32 KiB":                  {js, `"` + strings.Repeat("x", 32<<10-2) + `"`, "/", "fine"},
		"JSON of a byte more":             {js, `"` + strings.Repeat("x", 32<<10-1) + `"`, "/", "text 413"},
		"JSON that goes 32 deep":          {js, strings.Repeat("[", 32) + strings.Repeat("]", 32), "/", "fine"},
		"JSON that goes 33 deep":          {js, strings.Repeat("[", 33) + strings.Repeat("]", 33), "/", "depth 400"},
		"JSON with one long name for all": {js, `{"` + strings.Repeat("n", 4000) + `":[1,2,3,4,5,6,7,8,9]}`, "/", "text 413"},
		"XML":                             {"text/xml", `<a b="c">` + strings.Repeat("<d>e</d>", 200) + "</a>", "/", "fine"},
		"XML of too many texts":           {"text/xml", `<a b="c">` + strings.Repeat("<d>e</d>", 256) + "</a>", "/", "arguments 413"},
		"XML of too many attributes":      {"text/xml", `<a ` + strings.Repeat(`b="c"`, 256) + "/>", "/", "arguments 413"},
		"XML of attributes without =":     {"text/xml", `<a ` + strings.Repeat(`b `, 256) + "/>", "/", "arguments 413"},
		"XML of 33 KiB":                   {"application/soap+xml", `<a>` + strings.Repeat(`b`, 33<<10) + "</a>", "/", "text 413"},
	} {
		r := asked(http.MethodPost, c.target)
		if c.types != "" {
			r.Header["Content-Type"] = strings.Split(c.types, "\n")
		}
		_, found := defaults().checkBody(r, []byte(c.body))
		if got := describe(found); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// FuzzBounds: whatever comes is counted, and what has nothing in it is fine.
func FuzzBounds(f *testing.F) {
	f.Add("/?a=b", "a=b; c", "application/json", []byte(`{"a":[1,2]}`))
	f.Add("/", "", "multipart/form-data; boundary=b", []byte(uploadOf(2, 10, "; filename=f.jpg")))
	f.Add("//?", ";", "text/xml", []byte(`<a b="c">d</a>`))
	f.Add("", "", " Application/OCTET-stream;", []byte("\x00"))
	f.Add("?", "a", "application/x-www-form-urlencoded", []byte("a=b&c"))
	f.Fuzz(func(t *testing.T, target, cookie, contentType string, body []byte) {
		r := asked(http.MethodPost, target)
		r.Header["Cookie"], r.Header["Content-Type"] = []string{cookie}, []string{contentType}
		b := defaults()
		_ = b.checkHeader(r)
		_, over := b.checkBody(r, body)
		if len(body) == 0 && over != nil {
			t.Errorf("no body, and yet %s", describe(over))
		}
		if over == nil && len(body) > 32<<10 && !isOpaque(r, body) && !strings.Contains(strings.ToLower(contentType), "multipart") {
			t.Errorf("%d bytes of %q are fine", len(body), contentType)
		}
	})
}

// FuzzCountJSON: of documents that are valid, every value counts once, and the
// text is at least as long as the flat document that Coraza makes of it, apart
// from the word json before each value.
func FuzzCountJSON(f *testing.F) {
	for _, document := range []string{
		`{}`, `[]`, `[[],[[]]]`, `{"a":1}`, `{"a":{"b":[1,"x",null,true]},"c":"\"}{"}`, `[{"a":"b"},{"a":"c"}]`,
		`{"a\"":[{"b":[[1],[2]]}],"":{"":""}}`, " {\n\t\"a\" : [ 1 , 2 ] }", `"x"`, `1`, `[{}]`, `{"a":[],"a":[1]}`,
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		got := countJSON(document)
		if !json.Valid(document) || !utf8.Valid(document) { // what is not grows as it is decoded
			return
		}
		d := json.NewDecoder(bytes.NewReader(document))
		d.UseNumber()
		want := new(flat)
		want.read(t, d, 0, 0)
		if got.values != want.values || got.depth != want.depth {
			t.Errorf("%q: %d values, %d deep; want %d and %d", document, got.values, got.depth, want.values, want.depth)
		}
		if got.text < want.text {
			t.Errorf("%q: %d bytes of text, and flattened %d", document, got.text, want.text)
		}
	})
}

// flat counts what encoding/json reads.
type flat struct {
	values, depth int
	text          int64
}

func (f *flat) read(t *testing.T, d *json.Decoder, path, depth int) {
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token := token.(type) {
	case json.Delim:
		f.depth = max(f.depth, depth+1)
		items := 0
		for ; d.More(); items++ {
			name := len(fmt.Sprint(items))
			if token == '{' {
				key, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				name = len(key.(string))
			}
			f.read(t, d, path+1+name, depth+1)
		}
		f.values += max(items, 1)
		if token == '[' && items > 0 {
			f.text += int64(path)
		}
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
	case json.Number:
		f.text += int64(path + len(token))
	case string:
		f.text += int64(path + len(token))
	default:
		f.text += int64(path)
	}
}
