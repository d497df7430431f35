package test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// crsRequest is a request of the suite, completed as go-ftw does it, for which
// the suite is written.
type crsRequest struct {
	method, uri, version string
	header               map[string]string
	body                 string
	raw                  []byte // (optional) all of it, as it stands
}

func (in *crsInput) request() (r crsRequest, err error) {
	if in.EncodedRequest != "" {
		r.raw, err = base64.StdEncoding.DecodeString(in.EncodedRequest)
		r.method, _, _ = strings.Cut(string(r.raw), " ")
		return r, err
	}
	r.method, r.uri, r.version = deref(in.Method, "GET"), deref(in.URI, "/"), deref(in.Version, "HTTP/1.1")
	r.header = maps.Clone(in.Headers)
	if r.header == nil {
		r.header = make(map[string]string)
	}
	r.body = repeated(in.Data)
	complete := deref(in.Autocomplete, true)
	if complete && r.body != "" {
		r.complete("Content-Type", "application/x-www-form-urlencoded")
		if r.value("Content-Type") == "application/x-www-form-urlencoded" {
			r.body = encodedForm(r.body)
		}
	}
	if strings.HasPrefix(r.value("Content-Type"), "multipart/form-data;") {
		r.body = strings.ReplaceAll(r.body, "\n", "\r\n")
	}
	if complete {
		r.complete("Connection", "close")
		if r.body != "" || slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, r.method) {
			r.complete("Content-Length", strconv.Itoa(len(r.body)))
		}
	}
	return r, nil
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// value is that of a header field, whose name may be written in any way.
func (r *crsRequest) value(name string) string {
	for given, value := range r.header {
		if strings.EqualFold(given, name) {
			return value
		}
	}
	return ""
}

// hasOddNames reports whether there is a name that Caddy drops.
func (r *crsRequest) hasOddNames() bool {
	for name := range r.header {
		if strings.ContainsAny(name, "_.") {
			return true
		}
	}
	return false
}

// complete adds a header field that is not there.
func (r *crsRequest) complete(name, value string) {
	for given := range r.header {
		if strings.EqualFold(given, name) {
			return
		}
	}
	r.header[name] = value
}

// bytes is the request on the wire. Nothing in it is checked: breaking HTTP is
// what many tests are about.
func (r *crsRequest) bytes() []byte {
	if r.raw != nil {
		return r.raw
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\n", r.method, r.uri, r.version)
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, r.header[name])
	}
	b.WriteString("\r\n" + r.body)
	return b.Bytes()
}

// encodedForm escapes the fields of a form that is written in plain text. What
// unescaping would change is escaped already.
func encodedForm(form string) string {
	if plain, err := url.QueryUnescape(form); err != nil || plain != form {
		return form
	}
	fields := strings.Split(form, "&")
	for i, field := range fields {
		name, value, hasValue := strings.Cut(field, "=")
		fields[i] = url.QueryEscape(name)
		if hasValue {
			fields[i] += "=" + url.QueryEscape(value)
		}
	}
	return strings.Join(fields, "&")
}

// repetition is the only template that the suite uses.
var repetition = regexp.MustCompile(`\{\{ "(.)" \| repeat (\d+) \}\}`)

func repeated(text string) string {
	return repetition.ReplaceAllStringFunc(text, func(template string) string {
		parts := repetition.FindStringSubmatch(template)
		n, _ := strconv.Atoi(parts[2]) // digits
		return strings.Repeat(parts[1], n)
	})
}
