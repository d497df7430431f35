package sieve

import (
	"slices"
	"strconv"
)

// eachTX inspects a variable of TX, if its value is known.
func (w *work) eachTX(l *link, t *target, inspect func(v *value) bool) bool {
	text, is := w.reference("TX", t.key.text)
	switch {
	case is == unknown || len(t.except) > 0:
		return true
	case t.count && is == known:
		text = "1"
	case t.count:
		text = "0"
	case is == unset:
		return false
	}
	v := newValue(t.key.text, text)
	return l.chain.apply(&v, inspect)
}

// eachPattern knows the variables that this chain has set, those that other rules set, and the
// settings.
func (w *work) eachPattern(l *link, t *target, inspect func(v *value) bool) bool {
	if len(t.except) > 0 || w.eachLeft(w.left, l, inspect, t) || w.eachLeft(w.settings.selected[t], l, inspect, t) {
		return true
	}
	var all []leftover
	for _, setter := range t.setters {
		var known bool
		if all, known = w.collect(setter, t, all); !known {
			return true
		}
	}
	w.sum(all)
	return w.eachLeft(all, l, inspect, t)
}

// eachLeft inspects the variables that the pattern selects. One whose name is not known may be
// among them.
func (w *work) eachLeft(all []leftover, l *link, inspect func(v *value) bool, t *target) bool {
	for _, left := range all {
		if left.isNamed && !t.key.pattern.MatchString(left.name) {
			continue
		}
		if !left.hasValue {
			return true
		}
		if v := newValue(left.name, left.value); l.chain.apply(&v, inspect) {
			return true
		}
	}
	return false
}

// collect appends what another rule may have set in this request, as far as a target selects
// it: what each match of its first link leaves behind.
func (w *work) collect(setter *rule, t *target, all []leftover) (longer []leftover, known bool) {
	if w.settings.dead[setter.index] {
		return all, true
	}
	if setter.why != "" || slices.ContainsFunc(setter.links[1:], func(l *link) bool { return l.maySet(t.key) }) {
		return all, false
	}
	first := setter.links[0]
	isPattern := func(t *target) bool { return t.isTX && t.key.pattern != nil } // they may ask each other in a circle
	if len(first.targets) == 0 || slices.ContainsFunc(first.targets, isPattern) {
		return all, false
	}
	for _, from := range first.targets {
		if w.each(setter, 0, from, func(v *value) bool {
			matched, decided := w.test(first, v)
			if decided && matched == first.negated {
				return false
			}
			begin, before := len(w.left), len(w.matched)
			w.leave(first, from, v)
			for _, left := range w.left[begin:] {
				if !left.isNamed || t.key.pattern.MatchString(left.name) {
					all = append(all, left)
				}
			}
			w.left, w.matched = w.left[:begin], w.matched[:before]
			return !decided // then a sum is not known
		}) {
			return all, false
		}
	}
	return all, true
}

// sum fills in the variables that only the same number is added to: all that they may be, also
// if some of the matches are excluded.
func (w *work) sum(all []leftover) {
	adds, sums := make(map[string]int), make(map[string]int)
	for _, left := range all {
		if !left.isNamed {
			return // it may be any of them
		}
		if before, isThere := adds[left.name]; isThere && before != left.add {
			left.add = 0
		}
		if _, isSet := w.settings.tx[left.name]; isSet {
			left.add = 0
		}
		adds[left.name] = left.add
	}
	for i := range all {
		if left := &all[i]; adds[left.name] != 0 {
			sums[left.name] += left.add
			left.value, left.hasValue = strconv.Itoa(sums[left.name]), true
		}
	}
}

// maySet reports whether a link may set a variable that a pattern selects.
func (l *link) maySet(k key) bool {
	return slices.ContainsFunc(l.setvars, func(s setvar) bool { return !s.name.isText() || k.pattern.MatchString(s.name.prefix()) })
}

// arg is the argument of the operator, as it is now.
func (w *work) arg(l *link) (text string, isKnown bool) {
	if arg := &w.settings.args[l.number]; arg.known {
		return arg.text, true
	}
	return l.arg.expand(w.reference)
}

// reference is the value of a variable at this place of a chain.
func (w *work) reference(variable, name string) (string, state) {
	switch variable {
	case "TX":
		for i := len(w.left) - 1; i >= 0; i-- {
			switch left := &w.left[i]; {
			case !left.isNamed || left.name == name && !left.hasValue:
				return "", unknown
			case left.name == name:
				return left.value, known
			}
		}
		return w.sieve.value(w.settings, name)
	case "MATCHED_VAR":
		if n := len(w.matched); n > 0 {
			return w.matched[n-1].text, known
		}
	case "MATCHED_VAR_NAME":
		if n := len(w.matched); n > 0 {
			return w.matched[n-1].fullName(), known
		}
	case "REQUEST_HEADERS":
		values := w.values[RequestHeaders]
		for i := range values {
			if values[i].smallName() == name {
				return values[i].text, known
			}
		}
		return "", unset
	}
	return "", unknown
}
