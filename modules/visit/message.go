package visit

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dunglas/httpsfv"
)

// maxComponents and maxBase bound what one signature may cover.
const (
	maxComponents = 16
	maxBase       = 8 << 10
)

// signatureBase returns what a signature is computed over (RFC 9421, section 2.5). A
// component that the request does not have, or of an unknown kind, is an error: the
// signature is not verified then.
func signatureBase(r *http.Request, covered httpsfv.InnerList) (string, error) {
	if len(covered.Items) > maxComponents {
		return "", fmt.Errorf("more than %d components", maxComponents)
	}
	var base strings.Builder
	var names []string
	for _, item := range covered.Items {
		id, err := httpsfv.Marshal(item)
		if err != nil {
			return "", err
		}
		if slices.Contains(names, id) {
			return "", fmt.Errorf("duplicate %s", id)
		}
		names = append(names, id)
		value, err := component(r, item)
		if err != nil {
			return "", fmt.Errorf("%s: %w", id, err)
		}
		if strings.ContainsAny(value, "\r\n") {
			return "", fmt.Errorf("%s has a line break", id)
		}
		base.WriteString(id + ": " + value + "\n")
	}
	params, err := httpsfv.Marshal(covered)
	if err != nil {
		return "", err
	}
	base.WriteString(`"@signature-params": ` + params)
	if base.Len() > maxBase {
		return "", fmt.Errorf("more than %d bytes are covered", maxBase)
	}
	return base.String(), nil
}

var errUnknownComponent = errors.New("unknown component")

// component returns the value of one covered component.
func component(r *http.Request, item httpsfv.Item) (string, error) {
	name, ok := item.Value.(string)
	if !ok || name != strings.ToLower(name) {
		return "", errUnknownComponent
	}
	if params := item.Params.Names(); len(params) == 1 && params[0] == "key" {
		member, _ := item.Params.Get("key")
		return fieldMember(r, name, member)
	} else if len(params) > 0 {
		return "", errUnknownComponent
	}
	method, target := asSent(r)
	switch name {
	case "@method":
		return method, nil
	case "@authority":
		return authority(r), nil
	case "@scheme":
		return scheme(r), nil
	case "@target-uri":
		return scheme(r) + "://" + authority(r) + target.RequestURI(), nil
	case "@path":
		if path := target.EscapedPath(); path != "" {
			return path, nil
		}
		return "/", nil
	case "@query":
		return "?" + target.RawQuery, nil
	case "host":
		return r.Host, nil // net/http removes it from the other fields
	}
	if strings.HasPrefix(name, "@") {
		return "", errUnknownComponent
	}
	lines := r.Header[http.CanonicalHeaderKey(name)]
	if len(lines) == 0 {
		return "", errors.New("no such field in the request")
	}
	trimmed := make([]string, len(lines))
	for i, line := range lines {
		trimmed[i] = strings.Trim(line, " \t")
	}
	return strings.Join(trimmed, ", "), nil
}

// fieldMember returns one member of a dictionary field.
func fieldMember(r *http.Request, name string, member any) (string, error) {
	key, ok := member.(string)
	if !ok || strings.HasPrefix(name, "@") {
		return "", errUnknownComponent
	}
	lines := r.Header[http.CanonicalHeaderKey(name)]
	if length(lines) > maxField {
		return "", fmt.Errorf("longer than %d bytes", maxField)
	}
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return "", err
	}
	value, ok := dictionary.Get(key)
	if !ok {
		return "", fmt.Errorf("no member %q", key)
	}
	return httpsfv.Marshal(value)
}

// asSent returns the request line as the client sent it, before any rewrite.
func asSent(r *http.Request) (method string, target *url.URL) {
	if sent, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		return sent.Method, sent.URL
	}
	return r.Method, r.URL
}

func scheme(r *http.Request) string {
	if r.TLS == nil {
		return "http"
	}
	return "https"
}

// authority returns the host in lower case, without the default port.
func authority(r *http.Request) string {
	port := ":80"
	if r.TLS != nil {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(r.Host), port)
}

// length returns the length of a field over all its lines.
func length(lines []string) (n int) {
	for _, line := range lines {
		n += len(line)
	}
	return n
}
