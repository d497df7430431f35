package sieve

import (
	"slices"
	"strconv"
	"strings"
)

// leftover is a variable of TX that a link has set. What is not known of it may be anything.
type leftover struct {
	name, value       string
	isNamed, hasValue bool
	add               int // is added to what there is; 0: is not
}

// match is a value that a link has matched, and where it stands.
type match struct{ variable, name, text string }

// fullName is what Coraza calls it: ARGS:q.
func (m *match) fullName() string {
	if m.name == "" {
		return m.variable
	}
	return m.variable + ":" + m.name
}

// follow reports whether all links behind the i-th may match, which has matched v. Where Coraza
// keeps what the last match has left behind, each match is tried in turn.
func (w *work) follow(r *rule, i int, t *target, v *value) bool {
	if i+1 == len(r.links) {
		return true
	}
	left, matched := len(w.left), len(w.matched)
	if r.links[i].carries {
		w.leave(r.links[i], t, v)
	}
	may := w.rest(r, i+1)
	w.left, w.matched = w.left[:left], w.matched[:matched]
	return may
}

// leave notes what a match leaves behind: the value, its groups, and what is set.
func (w *work) leave(l *link, t *target, v *value) {
	w.matched = append(w.matched, match{t.variable, v.name, v.text})
	if l.captures {
		w.capture(l, v.text)
	}
	for _, set := range l.setvars {
		name, isNamed := set.name.expand(w.reference)
		value, isKnown := set.value.expand(w.reference)
		left := leftover{name: strings.ToLower(name), value: value, isNamed: isNamed, hasValue: isKnown && !set.removes && !isSum(value)}
		if isKnown && !set.removes && isSum(value) {
			left.add, _ = strconv.Atoi(value)
		}
		w.left = append(w.left, left)
	}
}

// capture notes the groups of a regular expression. Of other operators we do not know them, and
// what is not captured stays from before.
func (w *work) capture(l *link, text string) {
	var groups []string
	if l.operator.pattern != nil && !l.negated {
		groups = l.operator.pattern.Groups(text)
	}
	for i := range 10 {
		group := leftover{name: strconv.Itoa(i), isNamed: true}
		if i < len(groups) && i < 9 {
			group.value, group.hasValue = groups[i], true
		}
		w.left = append(w.left, group)
	}
}

// rest reports whether the links from the i-th on may match.
func (w *work) rest(r *rule, i int) bool {
	l := r.links[i]
	if len(l.targets) == 0 { // a SecAction matches always
		return w.follow(r, i, &target{}, &value{})
	}
	isDone := false // nothing that matches now changes the answer
	may := slices.ContainsFunc(l.targets, func(t *target) bool {
		return w.each(r, i, t, func(v *value) bool {
			if isDone {
				return false
			}
			if matched, decided := w.test(l, v); decided && matched == l.negated {
				return false
			}
			may := w.follow(r, i, t, v)
			isDone = !may && (!l.carries || w.verdicts[r.index] == closed)
			return may
		})
	})
	if !may && i > 1 && l.isLast && l.readsMatches() {
		w.verdicts[r.index] = closed // whatever the links before match
	}
	return may
}

// each calls inspect with the values of a target of the i-th link, transformed, until it returns
// true. If they are not known, the link may match, whatever that leaves behind.
func (w *work) each(r *rule, i int, t *target, inspect func(v *value) bool) bool {
	l := r.links[i]
	switch {
	case t.isStrange:
		return true
	case t.isTX && t.key.pattern != nil:
		// A third link may see what several matches of the first have set.
		return i > 1 || t.count || w.eachPattern(l, t, inspect)
	case t.isTX:
		return w.eachTX(l, t, inspect)
	case t.matched:
		return w.eachMatched(r, i, inspect)
	}
	count := 0
	for _, k := range t.kinds {
		if k.isSingle() && len(w.values[k]) == 0 {
			return true
		}
		for i := range w.values[k] {
			v := &w.values[k][i]
			if !t.wants(v) || t.count && w.excludes(r, t, v) {
				continue
			}
			count++
			if !t.count && l.chain.apply(v, inspect) && !w.excludes(r, t, v) {
				return true
			}
		}
	}
	if !t.count {
		return false
	}
	v := newValue("", strconv.Itoa(count))
	return l.chain.apply(&v, inspect)
}

// eachMatched inspects what links before the i-th have matched. The third and later ones may
// read a value of the first that the second has not matched, so all are asked again.
func (w *work) eachMatched(r *rule, i int, inspect func(v *value) bool) bool {
	c := r.links[i].chain
	if i > 1 {
		return w.everyMatch(r, i, func(v *value) bool { return c.apply(v, inspect) })
	}
	return slices.ContainsFunc(w.matched, func(m match) bool {
		v := newValue(m.fullName(), m.text)
		return c.apply(&v, inspect)
	})
}

// everyMatch inspects each value that one of the links before the i-th matches.
func (w *work) everyMatch(r *rule, i int, inspect func(v *value) bool) bool {
	for j, l := range r.links[:i] {
		matches := func(v *value) bool {
			matched, decided := w.test(l, v)
			return (!decided || matched != l.negated) && inspect(v)
		}
		for _, t := range l.targets {
			var found bool
			switch {
			case t.matched:
				found = w.everyMatch(r, j, func(v *value) bool { return l.chain.apply(v, matches) })
			case t.isTX && j > 0:
				found = true // it depends on which value the first link has matched
			default:
				found = w.each(r, j, t, matches)
			}
			if found {
				return true
			}
		}
	}
	return false
}
