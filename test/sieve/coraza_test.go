// Package sieve compares the sieve with Coraza: its transformations and operators to those of
// an engine with one rule, and its proofs to what the whole rule set does.
package sieve

import (
	"math/rand/v2"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
)

// oneRule is Coraza with a single rule, number 1, on the argument v.
type oneRule struct{ waf coraza.WAF }

func newOneRule(t testing.TB, rule string) *oneRule {
	t.Helper()
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives("SecRuleEngine On\n" + rule))
	if err != nil {
		t.Fatalf("%.200s: %v", rule, err)
	}
	return &oneRule{waf}
}

// matches returns the values on which the rule has matched, as it has seen them.
func (o *oneRule) matches(value string) (values []string) {
	tx := o.waf.NewTransaction()
	defer tx.Close()
	tx.AddGetRequestArgument("v", value)
	tx.ProcessRequestHeaders()
	for _, rule := range tx.MatchedRules() {
		for _, data := range rule.MatchedDatas() {
			values = append(values, data.Value())
		}
	}
	return values
}

// odd are texts that decoders, shells and databases read specially.
var odd = []string{
	"", "%", "+", "%u", "%41", "%u0041", "%uff1c", "%U00e4", "%zz", "%u00", "&lt;", "&#x41;", "&#0;", "&amp", "&bne;", "&nGt;", "&notit;",
	`\`, `\x41`, `\u0041`, `\u{41}`, `\uff1c`, `\u{0ff01}`, `\101`, `\400`, `\9`, `\n`, `\41 `, `\000041`, `\0`, `\ff1c`, `\110000`, "\\\n",
	"/*", "*/", "<!--", "-->", "--", "#", "/", "../", "./", "//", "/.", "C:", "::$DATA", ". ", "...", " .", ":",
	"\x00", "\xff", "\xa0", "\x85", "\u0085", "\u00a0", "\u2028", "\u212a", "\u017f", "İ", "ä", "€", "😀", "\ufffd", "\t", "\v", "\r\n", "  ", ",", ";", "^", "(", "\"", "'",
	"QUJD", "QUI=", "QQ", "Q", "=", "-", "_", "select", "UNION", "or 1=1", "etc/passwd", "K", "s",
}

// text returns some of these in a row, and some random bytes.
func text(random *rand.Rand) string {
	var out []byte
	for range random.IntN(6) {
		if random.IntN(4) > 0 {
			out = append(out, odd[random.IntN(len(odd))]...)
			continue
		}
		for range random.IntN(4) {
			out = append(out, byte(random.IntN(256)))
		}
	}
	return string(out)
}
