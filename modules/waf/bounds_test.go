package waf

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/parser"
)

func defaults() *Bounds {
	b := new(Bounds)
	b.fillDefaults()
	return b
}

func TestBoundsOfLength(t *testing.T) {
	for name, c := range map[string]struct {
		encoding string
		length   int64
		want     string
	}{
		"nothing":          {"", 0, "fine"},
		"a body of 13 MiB": {"", 13 << 20, "fine"},
		"a byte more":      {"", 13<<20 + 1, "body 413"},
		"gzip":             {"gzip", 0, "encoded 415"},
		"identity":         {"Identity", 0, "fine"},
	} {
		r := asked(http.MethodPost, "/")
		r.Header.Set("Content-Encoding", c.encoding)
		r.ContentLength = c.length
		if got := describe(defaults().checkLength(r)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestParserErrors: a bound is refused by its own name, all else as ambiguous with the reason.
func TestParserErrors(t *testing.T) {
	for _, reason := range parser.Reasons() {
		found := refusedBy(&parser.Error{Reason: reason, Status: http.StatusBadRequest})
		want := finding{rule: "ambiguous", reason: reason, status: http.StatusBadRequest}
		if reason.IsLimit() {
			want = finding{rule: string(reason), status: http.StatusBadRequest}
		}
		if fmt.Sprint(*found) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, want %+v", reason, *found, want)
		}
		if seriesOf("bounds").refused[found.rule] == nil {
			t.Errorf("%s: no series for %s", reason, found.rule)
		}
	}
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
