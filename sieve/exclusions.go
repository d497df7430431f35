package sieve

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Exclusions are the rules, and the targets of rules, that a shop leaves out of one request.
type Exclusions struct {
	rules   []RuleID
	targets map[RuleID][]exclusion
}

type exclusion struct {
	variable string
	key      key
}

// Rule leaves out a rule.
func (e *Exclusions) Rule(id RuleID) { e.rules = append(e.rules, id) }

// Target keeps a rule from the values of a variable, as rules call it, whose name has this
// key or matches the pattern. Without either it is all of them.
func (e *Exclusions) Target(id RuleID, variable, name string, pattern *regexp.Regexp) {
	if e.targets == nil {
		e.targets = make(map[RuleID][]exclusion)
	}
	e.targets[id] = append(e.targets[id], exclusion{strings.ToUpper(variable), key{strings.ToLower(name), pattern}})
}

// Rules returns the rules that are named, in no order.
func (e *Exclusions) Rules() []RuleID {
	return slices.AppendSeq(slices.Clone(e.rules), maps.Keys(e.targets))
}

func (e *Exclusions) clear() {
	clear(e.targets) // has names of fields
	e.rules = e.rules[:0]
}

// exclude asks for the request's exclusions, once: most requests have no rule to which they
// would make a difference.
func (w *work) exclude() *Exclusions {
	if w.exclusions == nil && w.excluded != nil {
		w.exclusions = &w.room
		w.excluded(w.exclusions)
	}
	return w.exclusions
}

// excludes reports whether the rule does not inspect this value of a target.
func (w *work) excludes(r *rule, t *target, v *value) bool {
	if !w.settings.touched[r.index] {
		return false
	}
	e := w.exclude()
	return e != nil && slices.ContainsFunc(e.targets[r.id], func(x exclusion) bool {
		return x.variable == t.variable && x.key.excludes(v.smallName())
	})
}

// removed reports whether the request leaves out the rule.
func (w *work) removed(r *rule) bool {
	if !w.settings.touched[r.index] {
		return false
	}
	e := w.exclude()
	return e != nil && slices.Contains(e.rules, r.id)
}
