package values_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/theriac-edge/theriac/modules/waf/values"
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
)

func Example() {
	r := &http.Request{RequestURI: "/suche?q=Salbe"}
	table := &parser.Table{Values: []parser.Value{{Source: parser.Query, Name: "q", Text: "Salbe"}}}
	for _, v := range values.Append(nil, values.Line{Method: "GET", Proto: "HTTP/1.1", Client: "192.0.2.1"}, r, table) {
		if v.Variable == sieve.ArgsGet || v.Variable == sieve.RequestFilename || v.Variable == sieve.RequestLine {
			fmt.Printf("%q %q\n", v.Name, v.Text)
		}
	}
	// Output:
	// "q" "Salbe"
	// "" "GET /suche?q=Salbe HTTP/1.1"
	// "" "/suche"
}

// TestLineAsCoraza: the first line is what Coraza would have made of it, but for the query, of
// which it reads too much.
func TestLineAsCoraza(t *testing.T) {
	waf, err := coraza.NewWAF(coraza.NewWAFConfig())
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{
		"/", "/a/b", "/a/", "//a", "/a//", `/a\b`, "/%41%2f..%5c", "/%zz", "/a#b", "/a#b?c", "*", "http://x.example/a%20b", "/ä", "/a%00b", "/a;b", "/..;/a", "", "a", "/a b", "/\x01",
		"/a?", "/a?b#c", "/%41?%41=%zz&c", "/a??b", "?a", "/%zz?a",
	}
	for _, target := range targets {
		tx := waf.NewTransaction()
		path, _, _ := strings.Cut(target, "?")
		tx.ProcessURI(path, "GET", "HTTP/1.1")
		want := tx.(plugintypes.TransactionState).Variables()
		got := make(map[sieve.Variable]string)
		for _, v := range values.Append(nil, values.Line{Method: "GET", Proto: "HTTP/1.1"}, &http.Request{RequestURI: target}, new(parser.Table)) {
			got[v.Variable] = v.Text
		}
		uri, _, _ := strings.Cut(got[sieve.RequestURI], "?")
		for what, pair := range map[string][2]string{
			"file name": {got[sieve.RequestFilename], want.RequestFilename().Get()},
			"base name": {got[sieve.RequestBasename], want.RequestBasename().Get()},
			"URI":       {uri, want.RequestURI().Get()},
			"method":    {got[sieve.RequestMethod], want.RequestMethod().Get()},
			"protocol":  {got[sieve.RequestProtocol], want.RequestProtocol().Get()},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%q: %s is %q, Coraza's is %q", target, what, pair[0], pair[1])
			}
		}
		_ = tx.Close()
	}
}

// TestFillsAll: each variable of the sieve is one of Coraza's, so no value is lost on the way.
func TestFillsAll(t *testing.T) {
	waf, err := coraza.NewWAF(coraza.NewWAFConfig())
	if err != nil {
		t.Fatal(err)
	}
	tx := waf.NewTransaction()
	defer tx.Close()
	v := tx.(plugintypes.TransactionState).Variables()
	if !values.CanFill(v) {
		t.Fatal("this release of Coraza cannot be filled in")
	}
	var all []sieve.Value
	for variable := range sieve.Variables() {
		value := sieve.Value{Variable: variable, Text: fmt.Sprint("text ", variable)}
		if variable == sieve.XML {
			value.Name = values.Texts
		}
		all = append(all, value)
	}
	values.Fill(v, all)
	var found []string
	for _, data := range [][]string{
		v.ArgsGet().Get(""), v.ArgsPost().Get(""), v.RequestCookies().Get(""), v.RequestHeaders().Get(""), v.Files().Get(""), v.FilesNames().Get(""),
		v.MultipartFilename().Get(""), v.MultipartPartHeaders().Get(""), v.RequestXML().Get(values.Texts),
		{v.RequestMethod().Get(), v.RequestURI().Get(), v.RequestURIRaw().Get(), v.RequestLine().Get(), v.RequestFilename().Get(), v.RequestBasename().Get()},
		{v.RequestProtocol().Get(), v.QueryString().Get(), v.RequestBody().Get(), v.RequestBodyLength().Get(), v.RequestBodyProcessor().Get()},
		{v.FilesCombinedSize().Get(), v.RemoteAddr().Get()},
	} {
		found = append(found, data...)
	}
	for _, value := range all {
		if !slices.Contains(found, value.Text) {
			t.Errorf("variable %d is not filled in", value.Variable)
		}
	}
}
