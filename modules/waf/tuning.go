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

	only func(*parser.Table) bool // the fields that a request must have
}

// step changes a transaction before its first phase: it sets a variable of the rules, or
// excludes rules and their targets.
type step struct {
	name    string
	values  []string // one
	differs func(r *http.Request) (value string, ok bool)

	rules   []int // all that it may exclude
	exclude func(from excluder, r *http.Request, t *parser.Table)
}

// excluder is what exclusions apply to: a transaction, or what the sieve is told of it.
type excluder interface {
	RemoveRuleByID(id int)
	RemoveRuleTargetByID(id int, variable variables.RuleVariable, key string, keyRx *regexp.Regexp)
}

func (s *step) apply(tx transaction, r *http.Request, t *parser.Table) {
	if s.exclude != nil {
		s.exclude(tx, r, t)
		return
	}
	values := s.values
	if s.differs != nil {
		if value, ok := s.differs(r); ok {
			values = []string{value}
		}
	}
	tx.Variables().TX().Set(s.name, values)
}

// compile turns an exclusion into a step.
func (x *Exclusion) compile(e *engine) (step, error) {
	ids, err := e.rulesOf(x.Rule)
	if err != nil {
		return step{}, err
	}
	if x.Target == "" {
		return x.conditional(ids, func(from excluder, id int) { from.RemoveRuleByID(id) }), nil
	}
	variable, key, pattern, err := parseTarget(x.Target)
	if err != nil {
		return step{}, err
	}
	return x.conditional(ids, func(from excluder, id int) { from.RemoveRuleTargetByID(id, variable, key, pattern) }), nil
}

func (x *Exclusion) conditional(ids []int, exclude func(from excluder, id int)) step {
	return step{rules: ids, exclude: func(from excluder, r *http.Request, t *parser.Table) {
		if !x.applies(r, t) {
			return
		}
		for _, id := range ids {
			exclude(from, id)
		}
	}}
}

// applies reports whether the exclusion is for this request.
func (x *Exclusion) applies(r *http.Request, t *parser.Table) bool {
	if len(x.ContentTypes) > 0 {
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if !slices.Contains(x.ContentTypes, media) || len(r.Header["Content-Type"]) > 1 {
			return false
		}
	}
	begins := func(prefix string) bool { return isBelow(r.URL.Path, prefix) && !leadsElsewhere(prefix, r.URL.Path, t) }
	return (len(x.Paths) == 0 || slices.ContainsFunc(x.Paths, begins) && isPlain(r)) && (x.only == nil || x.only(t))
}

// isBelow reports whether a path begins with a prefix, in which * stands for a folder that
// each shop names differently.
func isBelow(path, prefix string) bool {
	before, after, starred := strings.Cut(prefix, "*/")
	rest, ok := strings.CutPrefix(path, before)
	if ok && starred {
		_, rest, _ = strings.Cut(rest, "/")
		return strings.HasPrefix(rest, after)
	}
	return ok
}

// leadsElsewhere reports whether a request below a path of staff is answered by a page for
// everybody: PrestaShop and WordPress have fields that say so, whatever the path is, and
// comments are beside what staff writes.
func leadsElsewhere(prefix, path string, t *parser.Table) bool {
	switch {
	case strings.HasPrefix(prefix, "/*/"):
		return hasField(t, "controller") || hasField(t, "fc") || hasField(t, "module")
	case strings.HasPrefix(prefix, "/wp-json/"):
		return hasField(t, "rest_route") || strings.HasPrefix(strings.ToLower(path), "/wp-json/wp/v2/comments")
	}
	return false
}

// hasField reports whether a field has a name that PHP takes for this one.
func hasField(t *parser.Table, name string) bool {
	return slices.ContainsFunc(t.Values, func(v parser.Value) bool { return isArgument(v) && strings.EqualFold(nameInPHP(v.Name), name) })
}

var underscores = strings.NewReplacer(".", "_", " ", "_", "[", "_")

// nameInPHP is the name of the variable that PHP makes of a field.
func nameInPHP(name string) string {
	name = strings.TrimLeft(name, " ")
	if before, _, found := strings.Cut(name, "["); found && strings.Contains(name, "]") {
		name = before
	}
	return underscores.Replace(name)
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
	return step{name: name, values: []string{value}}
}

// allowOverrides lets clients that can only send POST name another method in a header:
// WordPress' editors, and programs that speak OData. It is one that the shop accepts anyway.
func allowOverrides(methods []string) step {
	return step{rules: []int{920450}, exclude: func(from excluder, r *http.Request, t *parser.Table) {
		for _, name := range [...]string{"X-Http-Method-Override", "X-Http-Method"} {
			values := r.Header[name]
			if len(values) != 1 || !slices.Contains(methods, strings.ToUpper(values[0])) {
				continue
			}
			if name == "X-Http-Method" || (strings.Contains(r.URL.Path, "/wp-json/") || hasField(t, "rest_route")) && isPlain(r) {
				from.RemoveRuleTargetByID(920450, variables.RequestHeadersNames, strings.ToLower(name), nil)
			}
		}
	}}
}
