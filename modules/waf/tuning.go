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
)

// Exclusion takes a rule, or one thing that it looks at, out of the inspection
// of a shop. Prefer the narrow form: rule and target.
type Exclusion struct {
	// The number of a rule, or a tag such as attack-xss for all that have it.
	Rule string `json:"rule"`

	// What the rule shall not look at, such as `ARGS:q`, `ARGS:/^product\[/`
	// or `REQUEST_COOKIES:consent`. Default: the whole rule is left out.
	Target string `json:"target,omitempty"`

	// What the path must begin with, such as `/admin/`, for the exclusion to
	// hold. Default: nothing.
	Paths []string `json:"paths,omitempty"`

	// The content types with which it holds, such as `text/plain`. Default:
	// all.
	ContentTypes []string `json:"content_types,omitempty"`

	// Why, for those who read it later.
	Reason string `json:"reason,omitempty"`
}

// step is one thing to do to a transaction before its first phase.
type step func(tx transaction, r *http.Request)

// compile makes the step of an exclusion.
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
	return func(tx transaction, r *http.Request) {
		if x.holds(r) {
			exclude(tx)
		}
	}
}

// holds reports whether the exclusion is for this request.
func (x *Exclusion) holds(r *http.Request) bool {
	if len(x.ContentTypes) > 0 {
		media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if !slices.Contains(x.ContentTypes, media) || len(r.Header["Content-Type"]) > 1 {
			return false
		}
	}
	begins := func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	return len(x.Paths) == 0 || slices.ContainsFunc(x.Paths, begins) && isPlain(r)
}

// isPlain reports whether a path means the same to everyone: /admin/..;/cart is
// below /admin/ to one server, and not to the next.
func isPlain(r *http.Request) bool {
	p := r.URL.Path
	return r.URL.RawPath == "" && !strings.ContainsAny(p, "\\;%\x00") && path.Clean(p) == "/"+strings.Trim(p, "/")
}

// rulesOf are the rules with a number or a tag.
func (e *engine) rulesOf(rule string) ([]int, error) {
	if id, err := strconv.Atoi(rule); err == nil {
		if !e.ids[id] {
			return nil, fmt.Errorf("there is no rule %d in this release of the Core Rule Set", id)
		}
		return []int{id}, nil
	}
	ids := slices.Clone(e.tags[rule])
	if len(ids) == 0 {
		return nil, fmt.Errorf("%q is neither the number of a rule nor a tag, such as 942100 or attack-sqli", rule)
	}
	return ids, nil
}

// parseTarget reads VARIABLE, VARIABLE:key or VARIABLE:/pattern/.
func parseTarget(target string) (v variables.RuleVariable, key string, pattern *regexp.Regexp, err error) {
	name, key, _ := strings.Cut(target, ":")
	v, err = variables.Parse(name)
	if err != nil {
		return v, "", nil, fmt.Errorf("%q is nothing that rules look at; write ARGS:q, REQUEST_COOKIES:consent or REQUEST_HEADERS:User-Agent", target)
	}
	if len(key) > 1 && key[0] == '/' && key[len(key)-1] == '/' {
		if key = key[1 : len(key)-1]; key != strings.ToLower(key) {
			key = "(?i)" + key // names are compared in lower case; this is slower
		}
		pattern, err = regexp.Compile(key)
		if err != nil {
			return v, "", nil, fmt.Errorf("the pattern in %q: %w", target, err)
		}
		return v, "", pattern, nil
	}
	return v, strings.ToLower(key), nil, nil
}

// set makes the step that sets a variable of the Core Rule Set, which keeps
// what is set before it begins.
func set(name, value string) step {
	values := []string{value}
	return func(tx transaction, _ *http.Request) { tx.Variables().TX().Set(name, values) }
}

// contentTypes is the form in which the rules compare content types.
func contentTypes(types []string) string {
	var b strings.Builder
	for i, t := range types {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("|" + strings.ToLower(t) + "|")
	}
	return b.String()
}
