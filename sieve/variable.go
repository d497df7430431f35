package sieve

import "slices"

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
	if len(t.except) > 0 || w.eachLeft(w.left, l, t, inspect) {
		return true
	}
	for _, setter := range t.setters {
		if w.eachSetter(setter, l, t, inspect) {
			return true
		}
	}
	return w.eachLeft(w.settings.selected[t], l, t, inspect)
}

// eachLeft inspects the variables that the pattern selects. One whose name is not known may be
// among them.
func (w *work) eachLeft(all []leftover, l *link, t *target, inspect func(v *value) bool) bool {
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

// eachSetter inspects what another rule may have set in this request: what each match of its
// first link leaves behind.
func (w *work) eachSetter(setter *rule, l *link, t *target, inspect func(v *value) bool) bool {
	if w.settings.dead[setter.index] {
		return false
	}
	if setter.why != "" || slices.ContainsFunc(setter.links[1:], func(l *link) bool { return l.maySet(t.key) }) {
		return true
	}
	first := setter.links[0]
	return len(first.targets) == 0 || slices.ContainsFunc(first.targets, func(from *target) bool {
		return w.each(setter, 0, from, func(v *value) bool {
			if matched, decided := w.test(first, v); decided && matched == first.negated {
				return false
			}
			begin, matched := len(w.left), len(w.matched)
			w.leave(first, from, v)
			left := slices.Clone(w.left[begin:])
			w.left, w.matched = w.left[:begin], w.matched[:matched]
			return w.eachLeft(left, l, t, inspect)
		})
	})
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
