// Package values lists what rules read of a request. The sieve reads this list, and Coraza's
// variables are filled in from it, so the two cannot see different requests.
//
// Nothing is parsed here but the first line: everything else is as package parser has read
// it. The list holds texts of the request, so whoever keeps it for reuse clears it.
package values

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
)

// Names of the values of [sieve.XML].
const (
	Texts      = "/*"
	Attributes = "//@*"
	Elements   = "/names" // for rules of ours
)

// Line is the first line of a request, as rules are to see it, and the address of its client.
type Line struct{ Method, Proto, Client string }

// Append appends the values of a request to dst. The first line is read as it was sent, not
// as net/http has read it.
func Append(dst []sieve.Value, line Line, r *http.Request, t *parser.Table) []sieve.Value {
	add := func(v sieve.Variable, name, text string) {
		dst = append(dst, sieve.Value{Variable: v, Name: name, Text: text})
	}
	for i := range t.Values {
		switch v := &t.Values[i]; v.Source {
		case parser.Query:
			add(sieve.ArgsGet, v.Name, v.Text)
		case parser.Form, parser.Part, parser.Leaf, parser.Body:
			add(sieve.ArgsPost, v.Name, v.Text)
		case parser.Cookie:
			add(sieve.RequestCookies, v.Name, v.Text)
		case parser.Header:
			add(sieve.RequestHeaders, v.Name, v.Text)
		case parser.Filename:
			add(sieve.Files, "", v.Text)
			add(sieve.FilesNames, "", v.Name)
			add(sieve.MultipartFilename, v.Name, v.Text)
		case parser.HeaderOfPart:
			add(sieve.MultipartPartHeaders, v.Name, v.Text)
		case parser.XMLText:
			add(sieve.XML, Texts, v.Text)
		case parser.XMLAttribute:
			add(sieve.XML, Attributes, v.Text)
		}
	}
	add(sieve.XML, Elements, t.Elements)
	add(sieve.ReqbodyProcessor, "", processors[t.Kind])
	add(sieve.FilesCombinedSize, "", strconv.FormatInt(t.Files, 10))
	add(sieve.RequestBody, "", t.Raw)
	add(sieve.RequestBodyLength, "", strconv.Itoa(t.Size))
	add(sieve.RemoteAddr, "", line.Client)
	add(sieve.RequestMethod, "", line.Method)
	add(sieve.RequestProtocol, "", line.Proto)
	add(sieve.RequestURIRaw, "", r.RequestURI)
	add(sieve.RequestLine, "", line.Method+" "+r.RequestURI+" "+line.Proto)
	uri, name, query := split(r.RequestURI)
	add(sieve.RequestURI, "", uri)
	add(sieve.RequestFilename, "", name)
	add(sieve.RequestBasename, "", base(name))
	add(sieve.QueryString, "", query)
	return dst
}

// processors are the names by which rules know how a body was read.
var processors = [...]string{
	parser.FormBody: "URLENCODED", parser.MultipartBody: "MULTIPART", parser.JSONBody: "JSON", parser.XMLBody: "XML",
	parser.TextBody: "URLENCODED", parser.OpaqueBody: "",
}

// split reads a target as Coraza does: without what follows a #, and decoded if it can be. A
// query stays as it was sent.
func split(target string) (uri, name, query string) {
	before, query, found := strings.Cut(target, "?")
	uri, _, _ = strings.Cut(before, "#")
	name = uri
	if parsed, err := url.ParseRequestURI(uri); err == nil {
		uri, name = parsed.String(), parsed.Path
	}
	if found {
		uri += "?" + query
	}
	return uri, name, query
}

// base is what follows the last slash of a path, if anything does.
func base(name string) string {
	if at := strings.LastIndexAny(name, `/\`); at >= 0 && at+1 < len(name) {
		return name[at+1:]
	}
	return name
}
