package waf

import (
	"net/http"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/theriac-edge/theriac/parser"
)

// misreadings are the rules that misread values of a shape.
var misreadings = [...]struct {
	shape shape
	rules []int
}{
	{prose, []int{932125, 932230, 932235, 932250, 932260, 932340, 932370, 932380, 942350}}, // for command lines
	{quotation, []int{942190}},                               // for SQL: "Sehr gut"! Immer wieder (coreruleset #4289)
	{link, []int{932230, 932235, 932250, 932260, 932370}},    // for command lines
	{document, []int{932370}},                                // the same
	{picture, []int{932235, 932260, 934170, 941130, 941170}}, // for base64, and for documents that a browser would open
	{remark, []int{933160, 942100, 942151, 942160}},          // for calls (coreruleset #3929, #3931)
	{umlaut, []int{941310}},                                  // for US-ASCII (coreruleset #2171, #3933)
	{token, []int{941120}},                                   // for handlers of events: FPID2.2.tn…8OnsDVzJpXAs=.1658172099 (ModSecurity #2802)
}

// byValue are the steps of the preset that depend on what a request says.
func byValue(methods []string) []step {
	return []step{excludeShapes, excludeXML, excludeFileNames, allowOverrides(methods)}
}

// maxMisread bounds the exclusions of a request: each rule compares each with each value.
const maxMisread = 32

// excludeShapes keeps rules from the fields and cookies that they would misread. A field is
// inspected by all rules if one of its values has another shape.
func excludeShapes(tx transaction, _ *http.Request, t *parser.Table) {
	left := maxMisread
	for _, v := range t.Values {
		variable, ok := variableOf(v)
		if !ok || v.Name == "" { // an exclusion without a name would hold for all fields
			continue
		}
		_, misread := shapeOf(v.Text)
		if variable == variables.RequestCookies {
			misread &= token // others stand in cookies as they are escaped
		}
		if misread == 0 {
			continue
		}
		if left--; left < 0 {
			return
		}
		name := strings.ToLower(v.Name)
		all := misread & shapesOf(t.Values, variable, name)
		for _, m := range misreadings {
			if all&m.shape == 0 {
				continue
			}
			for _, rule := range m.rules {
				tx.RemoveRuleTargetByID(rule, variable, name, nil)
			}
		}
	}
}

// excludeXML keeps rules from the texts or the attributes of a document that they would
// misread. They have no names, so all must have the shape, or be such that the rules find
// nothing in them.
func excludeXML(tx transaction, _ *http.Request, t *parser.Table) {
	for source, key := range map[parser.Source]string{parser.XMLText: "/*", parser.XMLAttribute: "//@*"} {
		var misread shape
		common := ^shape(0)
		for _, v := range t.Values {
			if v.Source == source {
				all, found := shapeOf(v.Text)
				misread |= found
				common &= all | innocence(v.Text, all)
			}
		}
		for _, m := range misreadings {
			if misread&common&m.shape == 0 {
				continue
			}
			for _, rule := range m.rules {
				tx.RemoveRuleTargetByID(rule, variables.XML, key, nil)
			}
		}
	}
}

// innocence returns the shapes that a text may stand beside: those about command lines, if it
// has neither a program nor a mark that shells know, or is prose or a link itself; those about
// calls and quotations, if it has neither marks nor words of SQL.
func innocence(text string, all shape) (beside shape) {
	spoken, program := commandsOf(text)
	if all&(prose|link) != 0 || !spoken && !program && !strings.ContainsAny(text, ";|&`$(){}<>\\'\"*?[]^~!\n") {
		beside = prose | link
	}
	if !strings.ContainsAny(text, "'\"`´‘’ʼ();=<>|&$#%*\\!") && !strings.Contains(text, "--") && !hasWord(text, operators) && !hasWord(text, statements) {
		beside |= quotation | remark | umlaut
	}
	return beside
}

// variableOf returns the variable of the rules that has a value whose shape counts.
func variableOf(v parser.Value) (variables.RuleVariable, bool) {
	if v.Source == parser.Cookie {
		return variables.RequestCookies, true
	}
	return variables.Args, isArgument(v)
}

// isArgument reports whether a value is among Coraza's ARGS.
func isArgument(v parser.Value) bool {
	switch v.Source {
	case parser.Query, parser.Form, parser.Part, parser.Leaf, parser.Body:
		return true
	}
	return false
}

// shapesOf returns the shapes that all values with a name have. Names are compared as
// Coraza does.
func shapesOf(values []parser.Value, variable variables.RuleVariable, name string) shape {
	all := ^shape(0)
	for _, v := range values {
		if of, ok := variableOf(v); ok && of == variable && strings.ToLower(v.Name) == name {
			shapes, _ := shapeOf(v.Text)
			all &= shapes
		}
	}
	return all
}
