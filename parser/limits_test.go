package parser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var defaults = Limits{Arguments: 255, Parts: 255, Cookies: 200, Depth: 32, Text: 32 << 10}

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

// describe returns the reason and the status of an error.
func describe(err *Error) string {
	if err == nil {
		return "fine"
	}
	return fmt.Sprint(err.Reason, " ", err.Status)
}

func TestLimitsOfHeader(t *testing.T) {
	many := func(n int, each string) string { return strings.Repeat(each, n) }
	for name, c := range map[string]struct {
		target string
		header []string
		want   string
	}{
		"nothing":                       {"/", nil, "fine"},
		"255 arguments":                 {"/?" + many(254, "a&") + "a", nil, "fine"},
		"256 arguments":                 {"/?" + many(255, "a&") + "a", nil, "arguments 400"},
		"256 after a second ?":          {"/?x?" + many(256, "a&"), nil, "arguments 400"},
		"200 cookies":                   {"/", []string{"Cookie: " + many(199, "a=1; ") + "a=1"}, "fine"},
		"201 cookies":                   {"/", []string{"Cookie: " + many(200, "a=1; ") + "a=1"}, "cookies 400"},
		"201 cookies in lines":          {"/", []string{"Cookie: " + many(100, "a=1; ") + "a=1", "Cookie: " + many(99, "a=1; ") + "a=1"}, "cookies 400"},
		"a query of 32 KiB":             {"/?" + many(32<<10, "."), nil, "fine"},
		"a byte more of query":          {"/?" + many(32<<10+1, "."), nil, "text 431"},
		"half a query, half a cookie":   {"/?" + many(16<<10, "a"), []string{"Cookie: " + many(16<<10, "a")}, "fine"},
		"half a query, a larger cookie": {"/?" + many(16<<10, "a"), []string{"Cookie: " + many(16<<10+1, "a")}, "text 431"},
	} {
		r := asked(http.MethodGet, c.target, c.header...)
		_, err := ReadHeader(r, defaults)
		if got := describe(err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// form and upload are bodies of n fields of the same size.
func formOf(n, size int) string { return strings.Repeat("&f="+strings.Repeat("!", size-3), n)[1:] }

func uploadOf(n, size int, disposition string) string {
	part := "--b\r\nContent-Disposition: form-data; name=f" + disposition + "\r\n\r\n" + strings.Repeat("!", size) + "\r\n"
	return strings.Repeat(part, n) + "--b--\r\n"
}

func TestLimitsOfBody(t *testing.T) {
	const (
		form  = "application/x-www-form-urlencoded"
		parts = "multipart/form-data; boundary=b"
		js    = "application/json"
		file  = "; filename=f.jpg"
	)
	binary := strings.Repeat("!", 1<<20) + "\x00"
	for name, c := range map[string]struct {
		types, body, target string
		want                string
	}{
		"no body":                         {form, "", "/", "fine"},
		"a form of 255 fields":            {form, formOf(255, 8), "/", "fine"},
		"a form of 256 fields":            {form, formOf(256, 8), "/", "arguments 413"},
		"a form of 32 KiB":                {form, strings.Repeat("!", 32<<10), "/", "fine"},
		"a form of a byte more":           {form, strings.Repeat("!", 32<<10+1), "/", "text 413"},
		"a form and a query":              {form, formOf(200, 8), "/?" + formOf(55, 8), "fine"},
		"a form and a query too many":     {form, formOf(200, 8), "/?" + formOf(56, 8), "arguments 413"},
		"a form and a query too long":     {form, formOf(1, 16<<10), "/?" + formOf(1, 17<<10), "text 413"},
		"a form in capitals":              {" Application/X-WWW-Form-Urlencoded;a=b", formOf(256, 8), "/", "arguments 413"},
		"a form of two parameters a":      {form + "; a=1; a=2", formOf(256, 8), "/", "content-type 400"},
		"no type at all":                  {"", formOf(256, 8), "/", "arguments 413"},
		"a text":                          {"text/plain", strings.Repeat("!", 32<<10+1), "/", "text 413"},
		"a text that is none":             {"text/plain", binary, "/", "text 413"},
		"a stream of bytes":               {"application/octet-stream", binary, "/", "fine"},
		"a picture":                       {"image/jpeg", binary, "/", "fine"},
		"a stream of bytes that is text":  {"application/octet-stream", strings.Repeat("!", 32<<10+1), "/", "text 413"},
		"a picture and a form":            {"image/jpeg\n" + form, binary, "/", "content-type 400"},
		"an upload of 255 files":          {parts, uploadOf(255, 1000, file), "/", "fine"},
		"an upload of 256 files":          {parts, uploadOf(256, 1000, file), "/", "parts 413"},
		"an upload of a large file":       {parts, uploadOf(1, 1<<20, file), "/", "fine"},
		"an upload of a large field":      {parts, uploadOf(1, 1<<20, ""), "/", "text 413"},
		"a field with an empty file name": {parts, uploadOf(1, 1<<20, `; filename=""`), "/", "part-header 400"},
		"a field with a broken file name": {parts, uploadOf(1, 1<<20, `; filename=a; filename=b`), "/", "part-header 400"},
		"a long file name":                {parts, uploadOf(1, 1, "; filename="+strings.Repeat("!", 1<<20)), "/", "text 413"},
		"a long header of a part":         {parts, uploadOf(1, 1, file+"\r\nX: "+strings.Repeat("!", 1<<20)), "/", "text 413"},
		"an upload of 200 fields":         {parts, uploadOf(200, 100, ""), "/", "fine"},
		"an upload of 200 and a query":    {parts, uploadOf(200, 10, ""), "/?" + formOf(56, 8), "arguments 413"},
		"an upload in capitals":           {"Multipart/Form-Data; boundary=b", uploadOf(1, 1<<20, ""), "/", "text 413"},
		"an upload in quoted-printable":   {parts, uploadOf(1, 1<<20, "\r\nContent-Transfer-Encoding: quoted-printable"), "/", "part-encoding 400"},
		"multipart of another kind":       {"multipart/mixed; boundary=b", uploadOf(1, 1<<20, file), "/", "text 413"},
		"JSON":                            {js, `{"a":[` + strings.Repeat("1,", 200) + `1]}`, "/", "fine"},
		"JSON of too many values":         {js, `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "arguments 413"},
		"JSON of another kind":            {"application/vnd.api+json", `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "arguments 413"},
		"JSON of an unheard-of kind":      {"application/jsonx; a; b", `{"a":[` + strings.Repeat("1,", 255) + `1]}`, "/", "content-type 400"},
		"JSON of 32 KiB":                  {js, `"` + strings.Repeat("!", 32<<10-4) + `"`, "/", "fine"},
		"JSON of a byte more":             {js, `"` + strings.Repeat("!", 32<<10-3) + `"`, "/", "text 413"},
		"JSON that goes 32 deep":          {js, strings.Repeat("[", 32) + strings.Repeat("]", 32), "/", "fine"},
		"JSON that goes 33 deep":          {js, strings.Repeat("[", 33) + strings.Repeat("]", 33), "/", "depth 400"},
		"JSON with one long name for all": {js, `{"` + strings.Repeat("n", 4000) + `":[1,2,3,4,5,6,7,8,9]}`, "/", "text 413"},
		"XML":                             {"text/xml", `<a b="c">` + strings.Repeat("<d>e</d>", 200) + "</a>", "/", "fine"},
		"XML of too many texts":           {"text/xml", `<a b="c">` + strings.Repeat("<d>e</d>", 256) + "</a>", "/", "arguments 413"},
		"XML of too many attributes":      {"text/xml", `<a ` + strings.Repeat(`b="c" `, 256) + "/>", "/", "arguments 413"},
		"XML of attributes without =":     {"text/xml", `<a ` + strings.Repeat(`b `, 256) + "/>", "/", "xml 400"},
		"XML of 33 KiB":                   {"application/soap+xml", `<a>` + strings.Repeat(`!`, 33<<10) + "</a>", "/", "text 413"},
	} {
		r := asked(http.MethodPost, c.target)
		if c.types != "" {
			r.Header["Content-Type"] = strings.Split(c.types, "\n")
		}
		table, err := ReadHeader(r, defaults)
		if err == nil {
			err = table.ReadBody(r, []byte(c.body))
		}
		if got := describe(err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
