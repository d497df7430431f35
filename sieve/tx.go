package sieve

import (
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// initial is a rule that sets variables of TX on each request, before any other: always, or
// where nobody has set the one that it asks for.
type initial struct {
	unless  string
	setvars []setvar
}

// assignments are the variables of TX that rules may set while a request is inspected, and
// which rules these are.
type assignments struct {
	names    map[string][]*rule
	prefixes map[string][]*rule // of names that are not known before
}

// readInitial takes the rules that set variables out of those that are judged: SecAction, and
// SecRule &TX:name "@eq 0", as long as nothing before them could skip them, or reads what they
// set.
func (c *compiler) readInitial(program *seclang.Program) {
	read := make(map[string]bool)
	for _, source := range program.Rules {
		r := c.find(source)
		if r == nil {
			continue
		}
		if isFlow(source) {
			return
		}
		i, ok := initialOf(source, r)
		isRead := slices.ContainsFunc(i.setvars, func(s setvar) bool { return read[s.name.prefix()] })
		if ok && !isRead && r.phase == 1 {
			r.aside = setsVariables
			c.initial = append(c.initial, i)
			continue
		}
		for _, l := range r.links {
			for _, name := range l.names() {
				read[name] = true
			}
			if slices.ContainsFunc(l.targets, func(t *target) bool { return t.isTX && t.key.pattern != nil }) {
				return
			}
		}
	}
}

// setsVariables is why initial rules are not judged.
const setsVariables = "sets variables before all others"

// names are the variables of TX that a link reads.
func (l *link) names() (names []string) {
	for _, t := range l.targets {
		if t.isTX {
			names = append(names, t.key.text)
		}
	}
	all := slices.Clone(l.arg)
	for _, s := range l.setvars {
		all = append(append(all, s.name...), s.value...)
	}
	for _, t := range all {
		if t.variable == "TX" {
			names = append(names, t.name)
		}
	}
	return names
}

// isFlow reports whether a rule may have others skipped or removed.
func isFlow(source *seclang.Rule) bool {
	return slices.ContainsFunc(source.Links, func(l *seclang.Link) bool {
		return slices.ContainsFunc(l.Actions, func(a seclang.Action) bool {
			return strings.HasPrefix(a.Name, "skip") || a.Name == "ctl" && strings.HasPrefix(strings.ToLower(a.Value), "ruleremove")
		})
	})
}

func initialOf(source *seclang.Rule, r *rule) (i initial, ok bool) {
	if r.why != "" || len(source.Links) != 1 {
		return i, false
	}
	l := source.Links[0]
	if _, passes := l.Action("pass"); !passes {
		return i, false
	}
	switch {
	case len(l.Targets) == 0:
	case len(l.Targets) == 1 && l.Operator == "eq" && l.Argument == "0" && !l.Negated && len(l.Transformations) == 0 &&
		r.links[0].targets[0].isTX && r.links[0].targets[0].count && r.links[0].targets[0].key.pattern == nil:
		i.unless = r.links[0].targets[0].key.text
	default:
		return i, false
	}
	i.setvars = r.links[0].setvars
	for _, set := range i.setvars {
		if set.removes || !set.name.isText() || isSum(set.value.prefix()) {
			return i, false
		}
	}
	return i, len(i.setvars) > 0
}

// assignments lists what all other rules may set.
func (c *compiler) assignments(program *seclang.Program) assignments {
	set := assignments{make(map[string][]*rule), make(map[string][]*rule)}
	for _, source := range program.Rules {
		r := c.find(source)
		if r == nil || r.aside == setsVariables {
			continue
		}
		for _, l := range source.Links {
			for _, a := range l.Actions {
				if s, ok := readSetvar(a.Value); a.Name == "setvar" && ok {
					set.add(r, s.name)
				}
			}
		}
	}
	for _, r := range c.rules {
		for _, l := range r.links {
			for _, t := range l.targets {
				if t.isTX && t.key.pattern != nil {
					t.setters = set.setters(t.key, r)
				}
			}
		}
	}
	return set
}

func (a assignments) add(r *rule, name macro) {
	if name.isText() {
		a.names[name.prefix()] = append(a.names[name.prefix()], r)
		return
	}
	a.prefixes[name.prefix()] = append(a.prefixes[name.prefix()], r)
}

// has reports whether a rule may set the variable.
func (a assignments) has(name string) bool {
	if len(a.names[name]) > 0 {
		return true
	}
	for prefix := range a.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// setters returns the rules, other than r, that may set a variable which a pattern selects.
func (a assignments) setters(k key, r *rule) (all []*rule) {
	add := func(rules []*rule) {
		for _, other := range rules {
			if other != r && !slices.Contains(all, other) {
				all = append(all, other)
			}
		}
	}
	for name, rules := range a.names {
		if k.pattern.MatchString(name) {
			add(rules)
		}
	}
	for prefix, rules := range a.prefixes {
		if !apart(k.text, prefix) {
			add(rules)
		}
	}
	return all
}

// apart reports whether a pattern begins with ^ and letters that no name with this prefix has.
func apart(pattern, prefix string) bool {
	rest, ok := strings.CutPrefix(pattern, "^")
	if !ok || strings.ContainsAny(rest, "|(") {
		return false
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') })
	if end >= 0 {
		// The character before an operator may be repeated, or left out.
		rest = rest[:max(end-1, 0)]
	}
	return !strings.HasPrefix(rest, prefix) && !strings.HasPrefix(prefix, rest)
}

// scores are the variables that bound rules read or set: what they add up.
func (c *compiler) scores() map[string]bool {
	all := make(map[string]bool)
	for _, r := range c.rules {
		if r.aside == "" || r.aside == setsVariables {
			continue
		}
		for _, l := range r.links {
			for _, name := range l.names() {
				all[name] = true
			}
			for _, s := range l.setvars {
				all[s.name.prefix()] = true
			}
		}
	}
	return all
}

// isNeutral reports whether a match of the rule is nothing by itself: it passes, logs nothing,
// and sets no variable that is a score. Rules that read what it sets are open.
func isNeutral(source *seclang.Rule, scores map[string]bool) bool {
	_, passes := source.Links[0].Action("pass")
	_, silent := source.Links[0].Action("nolog")
	for _, l := range source.Links {
		for _, a := range l.Actions {
			switch a.Name {
			case "deny", "block", "drop", "log", "initcol":
				return false
			case "setvar":
				if set, ok := readSetvar(a.Value); !ok || set.mayBe(scores) {
					return false
				}
			}
		}
	}
	return passes && silent
}

// mayBe reports whether one of these variables may be set.
func (s setvar) mayBe(names map[string]bool) bool {
	if s.name.isText() {
		return names[s.name.prefix()]
	}
	for name := range names {
		if strings.HasPrefix(name, s.name.prefix()) {
			return true
		}
	}
	return false
}
