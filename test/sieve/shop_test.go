package sieve

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	_ "github.com/theriac-edge/theriac/modules/waf" // has an operator of our rules
	"github.com/theriac-edge/theriac/modules/waf/rules"
	"github.com/theriac-edge/theriac/modules/waf/values"
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

// ruleText is that of the rules that all shops share.
func ruleText(t testing.TB) string {
	t.Helper()
	text, err := rules.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
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
	text := ruleText(t)
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
	settings, err := p.sieve.Settings(sieve.Setup{TX: tx})
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
	path, _, _ := strings.Cut(r.RequestURI, "?")
	tx.ProcessURI(path, r.Method, r.Proto)
	values.Fill(tx.Variables(), valuesOf(r, table))
	return tx
}

func valuesOf(r *http.Request, table *parser.Table) []sieve.Value {
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	return values.Append(nil, values.Line{Method: r.Method, Proto: r.Proto, Client: client}, r, table)
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

// request is the same for the sieve.
func (p *pair) request(r *http.Request, table *parser.Table) *sieve.Request {
	return &sieve.Request{Settings: p.settings, Values: valuesOf(r, table)}
}
