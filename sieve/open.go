package sieve

import (
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/sieve/byteset"
	"github.com/theriac-edge/theriac/sieve/pattern"
	"github.com/theriac-edge/theriac/sieve/words"
)

// Open appends to dst the rules that may match the request, in the order of the rules. None of
// all others that are judged matches it. It keeps nothing of the request.
func (s *Sieve) Open(r *Request, dst []RuleID) []RuleID {
	w := s.works.Get().(*work)
	defer w.release()
	w.begin(r)
	for _, rule := range s.rules {
		if rule.why != "" && rule.aside == "" && w.isLive(rule) {
			w.verdicts[rule.index] = open
		}
	}
	for k := range s.wide {
		if len(w.values[k]) > 0 {
			w.inspect(w.values[k], s.wide[k])
		} else if kind(k).isSingle() {
			w.lack(s.wide[k])
		}
	}
	for _, rule := range s.narrow {
		if w.isLive(rule) && w.rest(rule, 0) {
			w.verdicts[rule.index] = open
		}
	}
	for _, rule := range s.rules {
		if w.verdicts[rule.index] == open {
			dst = append(dst, rule.id)
		}
	}
	return dst
}

// verdict is what is known of a rule for one request.
type verdict uint8

const (
	undecided verdict = iota
	open
	closed // whatever its first link still matches
)

// value is a text under inspection.
type value struct {
	name, text string
	small      string // the name in small letters, once somebody asks
	bytes      byteset.Set
	found      words.Hits // once somebody asks
	folds      bool
	room       [8]uint64 // for found
}

func newValue(name, text string) value {
	return value{name: name, text: text, bytes: byteset.Of(text)}
}

func (v *value) smallName() string {
	if v.small == "" {
		v.small = strings.ToLower(v.name)
	}
	return v.small
}

// work is one request under inspection.
type work struct {
	sieve    *Sieve
	settings *Settings
	values   [kinds][]value
	made     []value   // by transformations
	verdicts []verdict // by index of the rule
	left     []leftover
	matched  []match
}

func (w *work) begin(r *Request) {
	w.settings = r.Settings
	w.verdicts = slices.Grow(w.verdicts[:0], len(w.sieve.rules))[:len(w.sieve.rules)]
	clear(w.verdicts)
	for i := range r.Values {
		v := &r.Values[i]
		w.values[v.Variable] = append(w.values[v.Variable], newValue(v.Name, v.Text))
		if names, ok := namesOf[v.Variable]; ok {
			w.values[names] = append(w.values[names], newValue(v.Name, v.Name))
		}
	}
}

// release forgets the request: its texts are orders and passwords.
func (w *work) release() {
	for k := range w.values {
		clear(w.values[k])
		w.values[k] = w.values[k][:0]
	}
	clear(w.made[:cap(w.made)])
	clear(w.left[:cap(w.left)])
	clear(w.matched[:cap(w.matched)])
	w.made, w.left, w.matched, w.settings = w.made[:0], w.left[:0], w.matched[:0], nil
	w.sieve.works.Put(w)
}

// isLive reports whether a rule runs, and its verdict is not known yet.
func (w *work) isLive(r *rule) bool {
	return !w.settings.dead[r.index] && w.verdicts[r.index] == undecided
}

// lack opens the rules on a variable that the caller has left out.
func (w *work) lack(groups []group) {
	for _, g := range groups {
		for _, c := range g.checks {
			if w.isLive(c.rule) {
				w.verdicts[c.rule.index] = open
			}
		}
	}
}

// inspect tries the rules on the values of one kind, group by group.
func (w *work) inspect(values []value, groups []group) {
	var bytes byteset.Set
	longest := 0
	for i := range values {
		bytes = bytes.Or(values[i].bytes)
		longest = max(longest, len(values[i].text))
	}
	for i := range groups {
		g := &groups[i]
		acts := g.chain.always || g.chain.acts.Meets(&bytes)
		all, most := bytes, longest
		if acts {
			w.transform(values, g.chain)
			for j := range w.made {
				all = all.Or(w.made[j].bytes)
				most = max(most, len(w.made[j].text))
			}
		}
		for _, c := range g.checks {
			first := c.rule.links[0]
			if !w.isLive(c.rule) || most < first.minLen || !first.bytes.MetBy(&all) {
				continue
			}
			if acts {
				w.try(w.made, c)
			} else {
				w.try(values, c)
			}
		}
	}
}

// transform leaves in made what a chain makes of values.
func (w *work) transform(values []value, c *chain) {
	w.made = w.made[:0]
	for i := range values {
		v := &values[i]
		if !c.always && !c.acts.Meets(&v.bytes) {
			w.made = append(w.made, *v)
			w.made[len(w.made)-1].found = nil // it is in v
			continue
		}
		if c.multi {
			w.made = append(w.made, newValue(v.name, v.text))
		}
		text := v.text
		for _, f := range c.funcs {
			result, changed := f(text)
			if c.multi && !changed {
				continue
			}
			if text = result; c.multi {
				w.made = append(w.made, newValue(v.name, text))
			}
		}
		if !c.multi {
			w.made = append(w.made, newValue(v.name, text))
		}
	}
}

// try asks whether a rule matches one of the values, and with it as a whole.
func (w *work) try(values []value, c check) {
	first := c.rule.links[0]
	for i := range values {
		v := &values[i]
		if len(v.text) < first.minLen || !first.bytes.MetBy(&v.bytes) || !c.target.wants(v) {
			continue
		}
		if matched, decided := w.test(first, v); decided && !matched {
			continue
		}
		switch {
		case w.follow(c.rule, 0, c.target, v):
			w.verdicts[c.rule.index] = open
			return
		case !first.carries || w.verdicts[c.rule.index] == closed:
			w.verdicts[c.rule.index] = closed
			return
		}
	}
}

// test asks the operator of a link, cheapest condition first.
func (w *work) test(l *link, v *value) (matched, decided bool) {
	if len(v.text) < l.minLen || !l.bytes.MetBy(&v.bytes) {
		return false, true
	}
	if l.set >= 0 {
		if v.found == nil {
			v.found = w.sieve.finder.Find(v.text, v.room[:0])
			v.folds = v.bytes.Has(0xc5) && pattern.Folds(v.text) || v.bytes.Has(0xe2) && pattern.Folds(v.text)
		}
		has := v.found.Has(l.set)
		if l.isWord {
			return has, true
		}
		if !has && !(l.folds && v.folds) {
			return false, true
		}
	}
	arg, isKnown := w.arg(l)
	if !isKnown {
		return false, false
	}
	return l.decide(v.text, arg)
}
