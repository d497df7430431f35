package sieve

import (
	"github.com/theriac-edge/theriac/sieve/byteset"
	"github.com/theriac-edge/theriac/sieve/pattern"
	"github.com/theriac-edge/theriac/sieve/transform"
)

// step is one transformation behind others, so that chains which begin alike share their work.
// The first step of all leaves values as they are.
type step struct {
	before int // the index of the step before it
	name   string
	apply  transform.Func
	acts   byteset.Set
	always bool
}

// results are what the values of a kind are behind a step.
type results struct {
	values  []*value
	bytes   byteset.Set // of all together
	longest int
}

func (r *results) add(v *value) {
	r.values = append(r.values, v)
	r.bytes = r.bytes.Or(v.bytes)
	r.longest = max(r.longest, len(v.text))
}

// inspect tries the rules on the values of one kind, step by step.
func (w *work) inspect(k kind) {
	plan := &w.sieve.wide[k]
	if len(w.results) < len(w.sieve.steps) {
		w.results = make([]results, len(w.sieve.steps))
	}
	first := &w.results[0]
	first.values, first.bytes, first.longest = first.values[:0], byteset.Set{}, 0
	for i := range w.values[k] {
		first.add(&w.values[k][i])
	}
	for _, at := range plan.steps {
		w.advance(at)
	}
	for i := range plan.groups {
		g := &plan.groups[i]
		of := &w.results[g.chain.step]
		if g.chain.multi {
			of = w.everyStep(first.values, g.chain)
		}
		for _, c := range g.checks {
			link := c.rule.links[0]
			if w.isLive(c.rule) && of.longest >= link.minLen && link.bytes.MetBy(&of.bytes) {
				w.try(of.values, c)
			}
		}
	}
}

// advance takes the results of the step before one step further. A value that the step leaves
// as it is stays the same value, with all that is known of it.
func (w *work) advance(at int) {
	s := &w.sieve.steps[at]
	from, to := &w.results[s.before], &w.results[at]
	to.values, to.bytes, to.longest = to.values[:0], byteset.Set{}, 0
	if !s.always && !s.acts.Meets(&from.bytes) {
		to.values, to.bytes, to.longest = append(to.values, from.values...), from.bytes, from.longest
		return
	}
	for _, v := range from.values {
		if s.always || s.acts.Meets(&v.bytes) {
			if text, _ := s.apply(v.text); text != v.text {
				v = w.newValue(v.name, text)
			}
		}
		to.add(v)
	}
}

// everyStep returns the values as they are, and as they are behind each transformation that
// has changed them.
func (w *work) everyStep(values []*value, c *chain) *results {
	to := &w.multi
	to.values, to.bytes, to.longest = to.values[:0], byteset.Set{}, 0
	for _, v := range values {
		to.add(v)
		if !c.always && !c.acts.Meets(&v.bytes) {
			continue
		}
		text := v.text
		for _, f := range c.funcs {
			if result, changed := f(text); changed {
				text = result
				to.add(w.newValue(v.name, text))
			}
		}
	}
	return to
}

// chunk is how many values are made at a time: their addresses stay.
const chunk = 64

func (w *work) newValue(name, text string) *value {
	if w.made == len(w.chunks)*chunk {
		w.chunks = append(w.chunks, make([]value, chunk))
	}
	v := &w.chunks[w.made/chunk][w.made%chunk]
	w.made++
	*v = newValue(name, text)
	return v
}

// try asks whether a rule matches one of the values, and with it as a whole.
func (w *work) try(values []*value, c check) {
	first := c.rule.links[0]
	for _, v := range values {
		// A name is compared in no time, but with a pattern it takes longer than most operators.
		hasPattern := c.target.hasPattern
		if len(v.text) < first.minLen || !first.bytes.MetBy(&v.bytes) || !hasPattern && !c.target.wants(v) {
			continue
		}
		if matched, decided := w.test(first, v); decided && !matched || hasPattern && !c.target.wants(v) {
			continue
		}
		switch {
		case w.follow(c.rule, 0, c.target, v):
			if w.excludes(c.rule, c.target, v) {
				continue
			}
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
