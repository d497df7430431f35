package sieve

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	_ "github.com/theriac-edge/theriac/modules/waf" // has an operator of our rules
	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
	"github.com/theriac-edge/theriac/sieve/seclang"
)

// pair is the firewall of a shop, and the sieve for it, both from the same text.
type pair struct {
	waf      coraza.WAF
	sieve    *sieve.Sieve
	settings *sieve.Settings
	tx       map[string]string
	aside    map[int]bool // rules that the sieve does not judge
}

// rules is the text of the firewall, but for files.conf, into which it fills lists.
func rules(t testing.TB) string {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	files, err := filepath.Glob("../../modules/waf/rules/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	var own strings.Builder
	for _, file := range files {
		if filepath.Base(file) != "files.conf" {
			own.WriteString(read(file))
		}
	}
	text := read("../../modules/waf/engine.conf")
	if !strings.Contains(text, "Include rules/*.conf\n") {
		t.Fatal("engine.conf includes our rules in another way")
	}
	return strings.Replace(text, "Include rules/*.conf\n", own.String(), 1)
}

var built struct {
	sync.Once
	*pair
}

// pairOf returns one pair for all tests: it takes a second to build.
func pairOf(t testing.TB) *pair {
	t.Helper()
	built.Do(func() { built.pair = newPair(t) })
	if built.pair == nil {
		t.Fatal("no firewall, as another test says")
	}
	return built.pair
}

func newPair(t testing.TB) *pair {
	t.Helper()
	text := rules(t)
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(text))
	if err != nil {
		t.Fatal(err)
	}
	program, err := seclang.Read(coreruleset.FS, text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sieve.Compile(coreruleset.FS, program)
	if err != nil {
		t.Fatal(err)
	}
	aside := make(map[int]bool)
	for _, rule := range s.Rules() {
		aside[rule.ID] = rule.Treatment == sieve.Aside
	}
	return &pair{waf: waf, sieve: s, aside: aside}
}

// at is the pair of a shop at a paranoia level.
func (p *pair) at(t testing.TB, paranoia int) *pair {
	t.Helper()
	level := strconv.Itoa(paranoia)
	tx := map[string]string{
		"blocking_paranoia_level": level, "detection_paranoia_level": level,
		"allowed_methods":              "GET HEAD POST OPTIONS PUT PATCH DELETE",
		"allowed_request_content_type": "|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| |application/soap+xml| |application/json| |text/plain| |text/csv| |application/octet-stream|",
		"max_num_args":                 "255",
	}
	settings, err := p.sieve.Settings(tx)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{p.waf, p.sieve, settings, tx, p.aside}
}

// transaction is what the firewall uses of Coraza beyond its public interface.
type transaction interface {
	types.Transaction
	plugintypes.TransactionState
}

var limits = parser.Limits{Arguments: 5000, Parts: 5000, Cookies: 1000, Depth: 64, Text: 8 << 20}

// begin gives Coraza the request as the firewall does.
func (p *pair) begin(r *http.Request, table *parser.Table) transaction {
	tx := p.waf.NewTransaction().(transaction)
	for name, value := range p.tx {
		tx.Variables().TX().Set(name, []string{value})
	}
	host, port, _ := net.SplitHostPort(r.RemoteAddr)
	number, _ := strconv.Atoi(port)
	tx.ProcessConnection(host, number, "", 0)
	set := func(v collection.Single, text string) { v.(interface{ Set(string) }).Set(text) }
	v := tx.Variables()
	path, query, found := strings.Cut(r.RequestURI, "?")
	tx.ProcessURI(path, r.Method, r.Proto)
	if found {
		set(v.QueryString(), query)
		set(v.RequestURI(), v.RequestURI().Get()+"?"+query)
		set(v.RequestURIRaw(), r.RequestURI)
		set(v.RequestLine(), r.Method+" "+r.RequestURI+" "+r.Proto)
	}
	var texts, attributes []string
	for _, value := range table.Values {
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
	v.RequestXML().Set("/names", []string{table.Elements})
	set(v.RequestBodyProcessor(), [...]string{"", "URLENCODED", "MULTIPART", "JSON", "XML", "URLENCODED", ""}[table.Kind])
	set(v.FilesCombinedSize(), strconv.FormatInt(table.Files, 10))
	set(v.RequestBody(), table.Raw)
	set(v.RequestBodyLength(), strconv.Itoa(table.Size))
	return tx
}

// fired returns the rules that match, but for those that the sieve does not judge.
func (p *pair) fired(tx transaction) (ids []int) {
	tx.ProcessRequestHeaders()
	_, _ = tx.ProcessRequestBody()
	for _, rule := range tx.MatchedRules() {
		if id := rule.Rule().ID(); !p.aside[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

var sources = [...]sieve.Variable{
	parser.Query: sieve.ArgsGet, parser.Form: sieve.ArgsPost, parser.Part: sieve.ArgsPost, parser.Leaf: sieve.ArgsPost, parser.Body: sieve.ArgsPost,
	parser.Cookie: sieve.RequestCookies, parser.Header: sieve.RequestHeaders, parser.HeaderOfPart: sieve.MultipartPartHeaders,
	parser.XMLText: sieve.XML, parser.XMLAttribute: sieve.XML,
}

// request is the same for the sieve, with the first line as Coraza has read it.
func (p *pair) request(tx transaction, table *parser.Table) *sieve.Request {
	r := &sieve.Request{Settings: p.settings}
	add := func(v sieve.Variable, name, text string) {
		r.Values = append(r.Values, sieve.Value{Variable: v, Name: name, Text: text})
	}
	for _, value := range table.Values {
		switch value.Source {
		case parser.Filename:
			add(sieve.Files, "", value.Text)
			add(sieve.FilesNames, "", value.Name)
			add(sieve.MultipartFilename, value.Name, value.Text)
		case parser.XMLText:
			add(sieve.XML, "/*", value.Text)
		case parser.XMLAttribute:
			add(sieve.XML, "//@*", value.Text)
		default:
			add(sources[value.Source], value.Name, value.Text)
		}
	}
	add(sieve.XML, "/names", table.Elements)
	v := tx.Variables()
	for variable, single := range map[sieve.Variable]collection.Single{
		sieve.RequestMethod: v.RequestMethod(), sieve.RequestURI: v.RequestURI(), sieve.RequestURIRaw: v.RequestURIRaw(),
		sieve.RequestLine: v.RequestLine(), sieve.RequestFilename: v.RequestFilename(), sieve.RequestBasename: v.RequestBasename(),
		sieve.RequestProtocol: v.RequestProtocol(), sieve.QueryString: v.QueryString(), sieve.RequestBody: v.RequestBody(),
		sieve.RequestBodyLength: v.RequestBodyLength(), sieve.ReqbodyProcessor: v.RequestBodyProcessor(),
		sieve.FilesCombinedSize: v.FilesCombinedSize(), sieve.RemoteAddr: v.RemoteAddr(),
	} {
		add(variable, "", single.Get())
	}
	return r
}
