package waf

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/corazawaf/coraza/v3/collection"

	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/parser"
)

// settable is what Coraza's single variables are, besides their interface; engine.check
// verifies that this release has it.
type settable interface{ Set(value string) }

func setSingle(variable collection.Single, value string) { variable.(settable).Set(value) }

// fill gives Coraza the request as the parser has read it. Coraza parses nothing: what
// its parsers read differently from a shop's software would go by unseen.
func fill(tx transaction, r *http.Request, t *parser.Table) {
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	number, _ := strconv.Atoi(port) // 0 behind a unix socket
	tx.ProcessConnection(client, number, "", 0)
	fillLine(tx, r)
	if r.Host != "" {
		tx.SetServerName(hostOf(r.Host))
	}
	v := tx.Variables()
	var texts, attributes []string
	for _, value := range t.Values {
		switch value.Source {
		case parser.Query:
			v.ArgsGet().Add(value.Name, value.Text)
		case parser.Form, parser.Part, parser.Leaf, parser.Body:
			v.ArgsPost().Add(value.Name, value.Text)
		case parser.Cookie:
			v.RequestCookies().Add(value.Name, value.Text)
		case parser.Header:
			v.RequestHeaders().Add(value.Name, value.Text)
		case parser.Filename:
			v.Files().Add("", value.Text)
			v.FilesNames().Add("", value.Name)
			v.MultipartFilename().Add(value.Name, value.Text)
		case parser.HeaderOfPart:
			v.MultipartPartHeaders().Add(value.Name, value.Text)
		case parser.XMLText:
			texts = append(texts, value.Text)
		case parser.XMLAttribute:
			attributes = append(attributes, value.Text)
		}
	}
	v.RequestXML().Set("/*", texts)
	v.RequestXML().Set("//@*", attributes)
	v.RequestXML().Set("/names", []string{t.Elements}) // for rules of ours
	setSingle(v.RequestBodyProcessor(), processors[t.Kind])
	setSingle(v.FilesCombinedSize(), strconv.FormatInt(t.Files, 10))
	setSingle(v.RequestBody(), t.Raw)
	setSingle(v.RequestBodyLength(), strconv.Itoa(t.Size))
}

// processors are the names by which rules know how a body was read.
var processors = [...]string{
	parser.FormBody: "URLENCODED", parser.MultipartBody: "MULTIPART", parser.JSONBody: "JSON", parser.XMLBody: "XML",
	parser.TextBody: "URLENCODED", parser.OpaqueBody: "",
}

// fillLine fills in the first line of the request, as sent, not as net/http has read it.
// The query goes past Coraza, which would read it again.
func fillLine(tx transaction, r *http.Request) {
	method, proto := r.Method, r.Proto
	if chain.IsExtendedConnect(r) { // inspected as the shop gets it
		method, proto = http.MethodGet, "HTTP/1.1"
	}
	path, query, found := strings.Cut(r.RequestURI, "?")
	tx.ProcessURI(path, method, proto)
	if !found {
		return
	}
	v := tx.Variables()
	setSingle(v.QueryString(), query)
	setSingle(v.RequestURI(), v.RequestURI().Get()+"?"+query)
	setSingle(v.RequestURIRaw(), r.RequestURI)
	setSingle(v.RequestLine(), method+" "+r.RequestURI+" "+proto)
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
