package waf

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"unsafe"

	"github.com/corazawaf/coraza/v3"

	"github.com/theriac-edge/theriac/parser"
)

// twoRules transform alike. The first is given the values in one random order, the second
// in another: where Coraza's cache takes one value for another, the second misses some.
const twoRules = `
SecRuleEngine On
SecRule ARGS|REQUEST_COOKIES|REQUEST_HEADERS|MULTIPART_PART_HEADERS|FILES|FILES_NAMES|MULTIPART_FILENAME|XML:/*|XML://@* "@streq never" "id:1,phase:2,t:lowercase,pass"
SecRule ARGS|REQUEST_COOKIES|REQUEST_HEADERS|MULTIPART_PART_HEADERS|FILES|FILES_NAMES|MULTIPART_FILENAME|XML:/*|XML://@* "@contains attack" "id:2,phase:2,t:lowercase,deny"
`

// repeated are requests in which one name comes 31 times, the last one with an attack, by
// the place where it does.
var repeated = map[string]struct{ target, header, body string }{
	"query":        {target: "/?" + thirty("a#=1&", "b=x&") + "b=ATTACK"},
	"empty names":  {target: "/?" + thirty("a#=1&", "=x&") + "=ATTACK"},
	"cookies":      {header: "Cookie: " + thirty("a#=1; ", "b=x; ") + "b=ATTACK"},
	"headers":      {header: thirty("A#: 1\n", "B: x\n") + "B: ATTACK"},
	"form":         {header: "Content-Type: application/x-www-form-urlencoded", body: thirty("a#=1&", "b=x&") + "b=ATTACK"},
	"JSON":         {header: "Content-Type: application/json", body: "{" + thirty(`"a#":1,`, `"b":"x",`) + `"b":"ATTACK"}`},
	"JSON arrays":  {header: "Content-Type: application/json", body: `{"b":[` + thirty(`{"a#":1},`, `"x",`) + `"ATTACK"]}`},
	"XML":          {header: "Content-Type: text/xml", body: "<r>" + thirty("<a>#</a>", "<b>x</b>") + "<b>ATTACK</b></r>"},
	"attributes":   {header: "Content-Type: text/xml", body: "<r>" + thirty(`<a a="#"/>`, `<b b="x"/>`) + `<b b="ATTACK"/></r>`},
	"parts":        {header: inParts, body: thirty(part(`"a#"`, "", "1"), part(`"b"`, "", "x")) + part(`"b"`, "", "ATTACK") + "--b--\r\n"},
	"part headers": {header: inParts, body: thirty(part(`"a#"`, "", "1"), part(`"b"`, "X: x\r\n", "x")) + part(`"b"`, "X: ATTACK\r\n", "x") + "--b--\r\n"},
	"file names":   {header: inParts, body: thirty(part(`"a#"; filename="#"`, "", "1"), part(`"b"; filename="x"`, "", "x")) + part(`"b"; filename="ATTACK"`, "", "x") + "--b--\r\n"},
}

const inParts = "Content-Type: multipart/form-data; boundary=b"

func part(parameters, header, content string) string {
	return "--b\r\nContent-Disposition: form-data; name=" + parameters + "\r\n" + header + "\r\n" + content + "\r\n"
}

// thirty writes thirty other names, and thirty times the same.
func thirty(other, same string) string {
	var b strings.Builder
	for i := range 30 {
		b.WriteString(strings.ReplaceAll(other, "#", string(rune('A'+i%26))+strings.Repeat("z", i/26)))
		b.WriteString(same)
	}
	return b.String()
}

// TestNoVerdictByLot: Coraza finds the attack 300 times of 300, wherever it stands. Were equal
// names in the same memory, it would not: that is what the parser prevents.
func TestNoVerdictByLot(t *testing.T) {
	rules, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(twoRules))
	if err != nil {
		t.Fatal(err)
	}
	const runs = 300
	misses := func(r *http.Request, table *parser.Table) (n int) {
		for range runs {
			tx := rules.NewTransaction().(transaction)
			fill(tx, r, valuesOf(nil, r, table))
			it, err := phases(tx)
			if err != nil {
				t.Fatal(err)
			}
			if it == nil {
				n++
			}
			_ = tx.Close()
		}
		return n
	}
	bySharedNames := 0
	for name, c := range repeated {
		r := asked(http.MethodPost, cmp.Or(c.target, "/"), strings.Split(c.header, "\n")...)
		table := tableOf(t, name, r, c.body)
		if n := misses(r, table); n > 0 {
			t.Errorf("%s: %d misses in %d runs", name, n, runs)
		}
		shareNames(table)
		bySharedNames += misses(r, table)
	}
	if bySharedNames == 0 {
		t.Error("no misses even if equal names share memory: Coraza's cache has been mended, and parser.own can go")
	}
}

func tableOf(t *testing.T, name string, r *http.Request, body string) *parser.Table {
	t.Helper()
	table, err := parser.ReadHeader(r, defaults().limits())
	if err == nil {
		err = table.ReadBody(r, []byte(body))
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return table
}

// shareNames undoes what the parser does: equal names are in the same memory.
func shareNames(table *parser.Table) {
	names := make(map[string]string)
	for i, v := range table.Values {
		if _, seen := names[v.Name]; !seen {
			names[v.Name] = v.Name
		}
		table.Values[i].Name = names[v.Name]
	}
}

// TestNamesAreApart: also those that are empty.
func TestNamesAreApart(t *testing.T) {
	r := asked(http.MethodGet, "/?=1&=2&a=3&a=4&=5", "Cookie: =a; =b; a=c")
	seen := make(map[*byte]string)
	for _, v := range tableOf(t, "names", r, "").Values {
		if other, ok := seen[unsafe.StringData(v.Name)]; ok {
			t.Errorf("%q of %q has the memory of %q", v.Name, v.Text, other)
		}
		seen[unsafe.StringData(v.Name)] = v.Text
	}
}
