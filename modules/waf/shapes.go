package waf

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/theriac-edge/theriac/modules/waf/shape"
	"github.com/theriac-edge/theriac/parser"
)

// misreadings are the rules that misread values of a shape.
var misreadings = [...]struct {
	shape shape.Shape
	rules []int
}{
	{shape.Prose, []int{932125, 932230, 932235, 932250, 932260, 932340, 932370, 932380, 942350}}, // for command lines
	{shape.Quotation, []int{942190}},                               // for SQL: "Sehr gut"! Immer wieder (coreruleset #4289)
	{shape.Link, []int{932230, 932235, 932250, 932260, 932370}},    // for command lines
	{shape.Document, []int{932370}},                                // the same
	{shape.Picture, []int{932235, 932260, 934170, 941130, 941170}}, // for base64, and for documents that a browser would open
	{shape.Remark, []int{933160, 942100, 942151, 942160}},          // for calls (coreruleset #3929, #3931)
	{shape.Umlaut, []int{941310}},                                  // for US-ASCII (coreruleset #2171, #3933)
	{shape.Token, []int{941120}},                                   // for handlers of events: FPID2.2.tn…8OnsDVzJpXAs=.1658172099 (ModSecurity #2802)
}

// byValue are the steps of the preset that depend on what a request says.
func byValue(methods []string) []step {
	var misread []int
	for _, m := range misreadings {
		misread = append(misread, m.rules...)
	}
	return []step{
		{rules: misread, exclude: excludeShapes},
		{rules: misread, exclude: excludeXML},
		{rules: misreadNames[:], exclude: excludeFileNames},
		allowOverrides(methods),
	}
}

// maxMisread bounds the exclusions of a request: each rule compares each with each value.
const maxMisread = 32

// excludeShapes keeps rules from the fields and cookies that they would misread. A field is
// inspected by all rules if one of its values has another shape.
func excludeShapes(from excluder, _ *http.Request, t *parser.Table) {
	left := maxMisread
	for _, v := range t.Values {
		variable, ok := variableOf(v)
		if !ok || v.Name == "" { // an exclusion without a name would hold for all fields
			continue
		}
		_, misread := shape.Of(v.Text)
		if variable == variables.RequestCookies {
			misread &= shape.Token // others stand in cookies as they are escaped
		}
		if misread == 0 {
			continue
		}
		if left--; left < 0 {
			return
		}
		name := strings.ToLower(v.Name)
		excludeMisread(from, misread&shapesOf(t.Values, variable, name), variable, name)
	}
}

// excludeXML keeps rules from the texts or the attributes of a document that they would
// misread. They have no names, so all must have the shape, or be such that the rules find
// nothing in them.
func excludeXML(from excluder, _ *http.Request, t *parser.Table) {
	for source, key := range map[parser.Source]string{parser.XMLText: "/*", parser.XMLAttribute: "//@*"} {
		var misread shape.Shape
		common := ^shape.Shape(0)
		for _, v := range t.Values {
			if v.Source == source {
				all, found := shape.Of(v.Text)
				misread |= found
				common &= all | shape.Beside(v.Text, all)
			}
		}
		excludeMisread(from, misread&common, variables.XML, key)
	}
}

// excludeMisread keeps the rules that misread one of the shapes from a target.
func excludeMisread(from excluder, shapes shape.Shape, variable variables.RuleVariable, key string) {
	for _, m := range misreadings {
		if shapes&m.shape == 0 {
			continue
		}
		for _, rule := range m.rules {
			from.RemoveRuleTargetByID(rule, variable, key, nil)
		}
	}
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
func shapesOf(values []parser.Value, variable variables.RuleVariable, name string) shape.Shape {
	all := ^shape.Shape(0)
	for _, v := range values {
		if of, ok := variableOf(v); ok && of == variable && strings.ToLower(v.Name) == name {
			shapes, _ := shape.Of(v.Text)
			all &= shapes
		}
	}
	return all
}

var misreadNames = [...]int{920120, 932180}

// excludeFileNames keeps rules from the names of files if all are what people call pictures
// and documents: 920120, which takes an apostrophe and a semicolon in Anna's Rezept.jpg for
// the end of the name (the parser has refused the forms in which a server would), and
// 932180, which finds names of a server's own files anywhere in Max.profile.png.
func excludeFileNames(from excluder, _ *http.Request, t *parser.Table) {
	if slices.ContainsFunc(t.Values, func(v parser.Value) bool { return v.Source == parser.Filename && !shape.IsFileName(v.Text) }) {
		return
	}
	for _, rule := range misreadNames {
		from.RemoveRuleTargetByID(rule, variables.Files, "", nil)
	}
}
