package waf

import (
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/types/variables"
)

func TestTargets(t *testing.T) {
	for target, want := range map[string]struct {
		variable  variables.RuleVariable
		key       string
		matches   string // (optional) what the pattern matches
		differs   string // and what it does not
		complains string // (optional) what the error says
	}{
		"ARGS":                       {variable: variables.Args},
		"args:q":                     {variable: variables.Args, key: "q"},
		"ARGS:Q":                     {variable: variables.Args, key: "q"},
		"ARGS:a:b":                   {variable: variables.Args, key: "a:b"},
		"ARGS:":                      {variable: variables.Args},
		"ARGS:/":                     {variable: variables.Args, key: "/"},
		"ARGS:/a":                    {variable: variables.Args, key: "/a"},
		`ARGS:/^product\[/`:          {variable: variables.Args, matches: "product[1]", differs: "a_product[1]"},
		"ARGS:/a/b/":                 {variable: variables.Args, matches: "a/b", differs: "a"},
		"ARGS:/Street/":              {variable: variables.Args, matches: "street", differs: "stree"},
		"REQUEST_COOKIES:consent":    {variable: variables.RequestCookies, key: "consent"},
		"REQUEST_HEADERS:User-Agent": {variable: variables.RequestHeaders, key: "user-agent"},
		"":                           {complains: "want a variable such as ARGS:q"},
		":q":                         {complains: "want a variable such as ARGS:q"},
		"FIELD:q":                    {complains: `invalid target "FIELD:q": want a variable such as ARGS:q`},
		"ARGS:/(/":                   {complains: `invalid pattern in target "ARGS:/(/": error parsing regexp`},
	} {
		variable, key, pattern, err := parseTarget(target)
		if want.complains != "" {
			if err == nil || !strings.Contains(err.Error(), want.complains) {
				t.Errorf("%q: %v, want an error with %q", target, err, want.complains)
			}
			continue
		}
		if err != nil || variable != want.variable || key != want.key || (pattern != nil) != (want.matches != "") {
			t.Errorf("%q: %s, key %q, pattern %v, %v; want %s, key %q", target, variable.Name(), key, pattern, err, want.variable.Name(), want.key)
			continue
		}
		if pattern != nil && (!pattern.MatchString(want.matches) || pattern.MatchString(want.differs)) {
			t.Errorf("%q: %q matches %q: %t, and %q: %t", target, pattern, want.matches, pattern.MatchString(want.matches), want.differs, pattern.MatchString(want.differs))
		}
	}
}

// FuzzTarget: whatever an operator writes is a target or an error, and names
// are compared in lower case.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"ARGS", "ARGS:q", "REQUEST_COOKIES:/^a/", "ARGS:/(/", ":", "ARGS://", "args:Ä"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		variable, key, pattern, err := parseTarget(target)
		if err != nil {
			return
		}
		if name, _, _ := strings.Cut(target, ":"); !strings.EqualFold(name, variable.Name()) {
			t.Errorf("%q is about %s", target, variable.Name())
		}
		if key != strings.ToLower(key) || key != "" && pattern != nil {
			t.Errorf("%q: key %q, pattern %v", target, key, pattern)
		}
	})
}
