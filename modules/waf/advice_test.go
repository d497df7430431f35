package waf

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/theriac-edge/theriac/parser"
)

// datum is what a rule has matched.
type datum struct {
	variable variables.RuleVariable
	key      string
	level    int
}

func (d datum) Variable() variables.RuleVariable { return d.variable }
func (d datum) Key() string                      { return d.key }
func (d datum) Value() string                    { return "what a patient wrote" }
func (d datum) Message() string                  { return d.Value() }
func (d datum) Data() string                     { return d.Value() }
func (d datum) ChainLevel() int                  { return d.level }

// TestTargetsOfMatches: of a chain the last link decides, and a name is shown only if it is one.
func TestTargetsOfMatches(t *testing.T) {
	table := &parser.Table{Values: []parser.Value{{Source: parser.Query, Name: "Biktarvy", IsBare: true}, {Source: parser.Query, Name: "q"}}}
	for name, c := range map[string]struct {
		matched []datum
		want    []string
	}{
		"a field":              {[]datum{{variables.Args, "q", 0}}, []string{"ARGS:q"}},
		"two fields":           {[]datum{{variables.Args, "q", 0}, {variables.Args, "q", 0}, {variables.Args, "r[0]", 0}}, []string{"ARGS:q", "ARGS:r[0]"}},
		"many fields":          {[]datum{{variables.Args, "a", 0}, {variables.Args, "b", 0}, {variables.Args, "c", 0}, {variables.Args, "d", 0}, {variables.Args, "e", 0}}, []string{"ARGS:a", "ARGS:b", "ARGS:c", "ARGS:d"}},
		"a path of a document": {[]datum{{variables.Args, "json.kunde.$set.0", 0}}, []string{"ARGS:json.kunde.$set.0"}},
		"a variable":           {[]datum{{variables.RequestURI, "", 0}}, []string{"REQUEST_URI"}},
		"XML":                  {[]datum{{variables.XML, "/*", 0}}, []string{"XML:/*"}},
		"a chain":              {[]datum{{variables.Args, "a", 0}, {variables.Args, "b", 0}, {variables.MatchedVars, "ARGS:b", 1}}, []string{"ARGS:b"}},
		"a chain about headers": {[]datum{
			{variables.RequestHeadersNames, "accept", 0}, {variables.RequestHeadersNames, "host", 0}, {variables.TX, "header_name_920450_content-range", 1},
		}, []string{"REQUEST_HEADERS_NAMES:content-range"}},
		"a chain about a count":  {[]datum{{variables.RequestHeaders, "range", 0}, {variables.TX, "2", 1}}, []string{"REQUEST_HEADERS:range"}},
		"a text":                 {[]datum{{variables.ArgsNames, "Biktarvy (HIV)", 0}}, []string{"ARGS_NAMES"}},
		"a name with an umlaut":  {[]datum{{variables.ArgsNames, "größe", 0}}, []string{"ARGS_NAMES"}},
		"a long name":            {[]datum{{variables.ArgsNames, strings.Repeat("a", 65), 0}}, []string{"ARGS_NAMES"}},
		"a word without a value": {[]datum{{variables.ArgsNames, "biktarvy", 0}}, []string{"ARGS_NAMES"}},
	} {
		got := targetsOf(asMatches(c.matched), table)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestAdvice: a line that says exclude is one that a Caddyfile can have, and switches off no
// more than a field; where there is none, it says what to do.
func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		rule   int
		target string
		want   string
	}{
		{942100, "ARGS:q", "exclude 942100 ARGS:q"},
		{942100, "ARGS:json.a.$b[0]", "exclude 942100 ARGS:json.a.$b[0]"},
		{920450, "REQUEST_HEADERS_NAMES:content-range", "exclude 920450 REQUEST_HEADERS_NAMES:content-range"},
		{930130, "REQUEST_FILENAME", "exclude 930130 REQUEST_FILENAME"},
		{941100, "XML:/*", "exclude 941100 XML:/*"},
		{941100, "ARGS", "`staff`"},
		{941100, "REQUEST_COOKIES_NAMES", "`staff`"},
		{920420, "REQUEST_HEADERS:content-type", "`types`"},
		{911100, "REQUEST_METHOD", "`methods`"},
		{920380, "ARGS", "`arguments`"},
	} {
		got := adviceOn(c.rule, c.target)
		if !strings.Contains(got, c.want) {
			t.Errorf("%d %s: %q, want %q", c.rule, c.target, got, c.want)
		}
		if !strings.HasPrefix(got, "exclude") {
			continue
		}
		d := caddyfile.NewTestDispenser("waf {\n" + got + "\n}")
		d.Next()
		h := new(Handler)
		if err := h.UnmarshalSubdirective(d); err != nil || len(h.Exclusions) != 1 || h.Exclusions[0].Target != c.target {
			t.Errorf("%q: %v, %+v", got, err, h.Exclusions)
		}
	}
	for _, rule := range refusals {
		if isBound := parser.Reason(rule).IsLimit() || rule == "body" || rule == "encoded"; isBound != (adviceOnBounds[rule] != "") {
			t.Errorf("%s: advice %q", rule, adviceOnBounds[rule])
		}
	}
}

func asMatches(data []datum) (matched []types.MatchData) {
	for _, d := range data {
		matched = append(matched, d)
	}
	return matched
}
