package sieve

import (
	"regexp"
	"strings"

	"github.com/theriac-edge/theriac/sieve/byteset"
	"github.com/theriac-edge/theriac/sieve/seclang"
	"github.com/theriac-edge/theriac/sieve/transform"
)

// rule is a rule of the phases in which Coraza inspects a request.
type rule struct {
	id    RuleID
	phase int
	index int // among all rules
	links []*link
	why   string // not empty: open whatever the request is
	aside string // not empty: it is not judged, since it cannot make a difference by itself
	stays bool   // it is counted by a rule with skip, so it is never taken out
	wide  bool   // found by its values; otherwise asked for each request
}

// link is one condition of a rule. A rule matches if all do.
type link struct {
	*operator

	number   int // among all links
	negated  bool
	targets  []*target
	chain    *chain
	setvars  []setvar
	captures bool
	isLast   bool
	carries  bool // a later link reads what a match of this one leaves behind
}

// target are the values of a variable.
type target struct {
	variable string
	kinds    []kind

	isTX      bool
	matched   bool    // the values that links before have matched
	isStrange bool    // nothing is known of the values
	setters   []*rule // of TX: other rules that may set variables which the pattern selects

	count  bool
	key    key
	isAll  bool // without a key
	except []key

	hasPattern bool // in the key, or in an exception
}

// key selects a name.
type key struct {
	text    string
	pattern *regexp.Regexp
}

// chain is a row of transformations.
type chain struct {
	name   string
	funcs  []transform.Func
	acts   byteset.Set // the bytes without which all of them leave a value as it is
	always bool
	multi  bool // each step is inspected
	step   int  // the last one, unless multi
}

// newKey reads a key. Coraza keeps the case of patterns for arguments only.
func newKey(k seclang.Key, variable string) (key, error) {
	text := k.Text
	if !k.Pattern || !strings.HasPrefix(variable, "ARGS") {
		text = strings.ToLower(text)
	}
	if !k.Pattern {
		return key{text: text}, nil
	}
	compiled, err := regexp.Compile(text)
	return key{text, compiled}, err
}

// selects reports whether a name may be meant. Which names Coraza keeps in small letters
// depends on how it was built, so patterns are tried with both.
func (k *key) selects(name, small string) bool {
	if k.pattern != nil {
		return k.pattern.MatchString(name) || k.pattern.MatchString(small)
	}
	return k.text == small
}

// excludes reports whether a name is left out, whatever its case.
func (k *key) excludes(small string) bool {
	if k.pattern != nil {
		return k.pattern.MatchString(small)
	}
	return k.text == "" || k.text == small
}

// wants reports whether a value is among those of the target.
func (t *target) wants(v *value) bool {
	if t.isAll && len(t.except) == 0 {
		return true
	}
	if !t.isAll && !t.key.selects(v.name, v.smallName()) {
		return false
	}
	for i := range t.except {
		if t.except[i].excludes(v.smallName()) {
			return false
		}
	}
	return true
}

// apply calls inspect with what the chain makes of a value, until inspect returns true.
func (c *chain) apply(v *value, inspect func(v *value) bool) bool {
	if !c.always && !c.acts.Meets(&v.bytes) {
		return inspect(v)
	}
	if c.multi && inspect(v) {
		return true
	}
	text := v.text
	for _, f := range c.funcs {
		result, changed := f(text)
		if c.multi {
			if !changed {
				continue
			}
			step := newValue(v.name, result)
			if inspect(&step) {
				return true
			}
		}
		text = result
	}
	if c.multi {
		return false
	}
	if text == v.text {
		return inspect(v)
	}
	result := newValue(v.name, text)
	return inspect(&result)
}
