package waf

import (
	"fmt"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/theriac-edge/theriac/parser"
)

// Exclusion disables a rule for a shop, or keeps the rule from inspecting one target.
// Prefer the narrow form, rule and target.
type Exclusion struct {
	// The number of a rule, or a tag such as attack-xss for all rules that have it.
	Rule string `json:"rule"`

	// What the rule does not inspect, such as `ARGS:q`, `ARGS:/^product\[/` or
	// `REQUEST_COOKIES:consent`. Default: the whole rule is disabled.
	Target string `json:"target,omitempty"`

	// The path prefixes for which the exclusion applies, such as `/admin/`. Default:
	// all paths.
	Paths []string `json:"paths,omitempty"`

	// The content types for which it applies, such as `text/plain`. Default: all.
	ContentTypes []string `json:"content_types,omitempty"`

	// Why; for the reader of the configuration.
	Reason string `json:"reason,omitempty"`
}

// step changes a transaction before its first phase.
type step func(tx transaction, r *http.Request, t *parser.Table)

// compile turns an exclusion into a step.
func (x *Exclusion) compile(e *engine) (step, error) {
	ids, err := e.rulesOf(x.Rule)
	if err != nil {
		return nil, err
	}
	if x.Target == "" {
		return x.conditional(func(tx transaction) {
			for _, id := range ids {
				tx.RemoveRuleByID(id)
			}
		}), nil
	}
	variable, key, pattern, err := parseTarget(x.Target)
	if err != nil {
		return nil, err
	}
	return x.conditional(func(tx transaction) {
		for _, id := range ids {
			tx.RemoveRuleTargetByID(id, variable, key, pattern)
		}
	}), nil
}

func (x *Exclusion) conditional(exclude func(tx transaction)) step {
	return func(tx transaction, r *http.Request, t *parser.Table) {
		if x.applies(r, t) {
			exclude(tx)
		}
	}
}

// applies reports whether the exclusion is for this request.
func (x *Exclusion) applies(r *http.Request, t *parser.Table) bool {
	if len(x.ContentTypes) > 0 {
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if !slices.Contains(x.ContentTypes, media) || len(r.Header["Content-Type"]) > 1 {
			return false
		}
	}
	begins := func(prefix string) bool {
		if rest, ok := strings.CutPrefix(prefix, "/*/"); ok { // a folder that each shop names differently
			_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
			return strings.HasPrefix(path, rest) && !namesController(t)
		}
		return strings.HasPrefix(r.URL.Path, prefix)
	}
	return len(x.Paths) == 0 || slices.ContainsFunc(x.Paths, begins) && isPlain(r)
}

// namesController reports whether a field says what answers: by these PrestaShop shows
// a customer's page whatever the path is.
func namesController(t *parser.Table) bool {
	return slices.ContainsFunc(t.Values, func(v parser.Value) bool {
		return isArgument(v) && (strings.EqualFold(v.Name, "controller") || strings.EqualFold(v.Name, "fc") || strings.EqualFold(v.Name, "module"))
	})
}

// isPlain reports whether all servers read a path alike: /admin/..;/cart is below
// /admin/ to some servers and not to others.
func isPlain(r *http.Request) bool {
	p := r.URL.Path
	return r.URL.RawPath == "" && !strings.ContainsAny(p, "\\;%\x00") && path.Clean(p) == "/"+strings.Trim(p, "/")
}

// rulesOf returns the rules with a number or a tag.
func (e *engine) rulesOf(rule string) ([]int, error) {
	if id, err := strconv.Atoi(rule); err == nil {
		if !e.ids[id] {
			return nil, fmt.Errorf("unknown rule %d: this release of the Core Rule Set does not have it", id)
		}
		return []int{id}, nil
	}
	ids := slices.Clone(e.tags[rule])
	if len(ids) == 0 {
		return nil, fmt.Errorf("unknown rule or tag %q: want a number such as 942100 or a tag such as attack-sqli", rule)
	}
	return ids, nil
}

// parseTarget reads VARIABLE, VARIABLE:key or VARIABLE:/pattern/.
func parseTarget(target string) (v variables.RuleVariable, key string, pattern *regexp.Regexp, err error) {
	name, key, _ := strings.Cut(target, ":")
	v, err = variables.Parse(name)
	if err != nil {
		return v, "", nil, fmt.Errorf("invalid target %q: want a variable such as ARGS:q, REQUEST_COOKIES:consent or REQUEST_HEADERS:User-Agent", target)
	}
	if len(key) > 1 && key[0] == '/' && key[len(key)-1] == '/' {
		if key = key[1 : len(key)-1]; key != strings.ToLower(key) {
			key = "(?i)" + key // Coraza compares lower-case names; this is slower
		}
		pattern, err = regexp.Compile(key)
		if err != nil {
			return v, "", nil, fmt.Errorf("invalid pattern in target %q: %w", target, err)
		}
		return v, "", pattern, nil
	}
	return v, strings.ToLower(key), nil, nil
}

// set returns the step that sets a variable of the Core Rule Set, which keeps the
// values that were set before its first rule.
func set(name, value string) step {
	values := []string{value}
	return func(tx transaction, _ *http.Request, _ *parser.Table) { tx.Variables().TX().Set(name, values) }
}

// allowOverrides lets clients that can only send POST name another method in a header:
// WordPress' editors, and programs that speak OData. It is one that the shop accepts anyway.
func allowOverrides(methods []string) step {
	return func(tx transaction, r *http.Request, _ *parser.Table) {
		for _, name := range [...]string{"X-Http-Method-Override", "X-Http-Method"} {
			values := r.Header[name]
			if len(values) != 1 || !slices.Contains(methods, strings.ToUpper(values[0])) {
				continue
			}
			if name == "X-Http-Method" || strings.HasPrefix(r.URL.Path, "/wp-json/") && isPlain(r) {
				tx.RemoveRuleTargetByID(920450, variables.RequestHeadersNames, strings.ToLower(name), nil)
			}
		}
	}
}
