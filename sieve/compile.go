package sieve

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/theriac-edge/theriac/sieve/pattern"
	"github.com/theriac-edge/theriac/sieve/seclang"
	"github.com/theriac-edge/theriac/sieve/transform"
	"github.com/theriac-edge/theriac/sieve/words"
)

// stateMemory bounds the states of all automata of a sieve.
const stateMemory = 32 << 20

// Sieve are compiled rules. It is safe for concurrent use.
type Sieve struct {
	rules   []*rule
	regions []region
	initial []initial
	set     assignments
	finder  *words.Finder
	memory  *pattern.Memory
	steps   []step
	wide    [kinds]plan
	narrow  []*rule
	links   int
	order   []place         // by number
	borrows map[RuleID]bool // rules that read what others leave behind; 0: one that always runs
	works   sync.Pool
}

// compiler is what is shared while rules are compiled.
type compiler struct {
	*Sieve

	root   fs.FS
	words  [][]string
	chains map[string]*chain
}

// Compile compiles rules. Files of operators are read from root. An error means that the rules
// cannot be judged at all; a single rule that cannot is open.
func Compile(root fs.FS, program *seclang.Program) (*Sieve, error) {
	if len(program.Unknown) > 0 {
		return nil, fmt.Errorf("compiling the sieve: directive %s may change what rules do", program.Unknown[0].Name)
	}
	c := &compiler{
		Sieve: &Sieve{memory: pattern.NewMemory(stateMemory), steps: []step{{}}},
		root:  root, chains: make(map[string]*chain),
	}
	if err := c.compile(program); err != nil {
		return nil, fmt.Errorf("compiling the sieve: %w", err)
	}
	return c.Sieve, nil
}

func (c *compiler) compile(program *seclang.Program) (err error) {
	aside := unchanged(program)
	for _, source := range program.Rules {
		if source.Marker == "" && source.Phase <= 2 {
			r := c.rule(source)
			r.aside = aside[source.ID]
			c.rules = append(c.rules, r)
		}
	}
	c.readInitial(program)
	c.set = c.assignments(program)
	c.readRegions(program)
	scores := c.scores()
	for _, source := range program.Rules {
		if r := c.find(source); r != nil && r.aside == "" && r.why == "" && isNeutral(source, scores) {
			r.aside = "does not say or do anything, but for variables and exclusions"
		}
	}
	c.readOrder(program)
	for _, r := range c.rules {
		c.file(r)
	}
	c.finder, err = words.New(c.words)
	c.works.New = func() any { return &work{sieve: c.Sieve} }
	return err
}

func (s *Sieve) find(source *seclang.Rule) *rule {
	if source.Marker != "" {
		return nil
	}
	i := slices.IndexFunc(s.rules, func(r *rule) bool { return r.id == source.ID })
	if i < 0 {
		return nil
	}
	return s.rules[i]
}

// rule compiles a rule, or finds out why it is open.
func (c *compiler) rule(source *seclang.Rule) *rule {
	r := &rule{id: source.ID, phase: source.Phase, index: len(c.rules)}
	for _, from := range source.Links {
		l, err := c.link(from, source.Dir)
		if err != nil {
			r.why = err.Error()
			return r
		}
		r.links = append(r.links, l)
	}
	for i, l := range r.links {
		l.isLast = i == len(r.links)-1
		l.carries = slices.ContainsFunc(r.links[i+1:], (*link).reads)
		l.doubt(i)
	}
	return r
}

// actions are those that change nothing about which values match.
var actions = map[string]bool{
	"id": true, "phase": true, "tag": true, "msg": true, "logdata": true, "ver": true, "rev": true, "severity": true,
	"maturity": true, "accuracy": true, "log": true, "nolog": true, "auditlog": true, "noauditlog": true, "chain": true,
	"block": true, "deny": true, "drop": true, "pass": true, "status": true, "capture": true, "multimatch": true,
	"skip": true, "skipafter": true, "initcol": true, "setvar": true, "ctl": true,
}

// controls are those of ctl that only take rules and targets away, or are about bodies, which
// the caller has read.
var controls = map[string]bool{
	"ruleremovebyid": true, "ruleremovebytag": true, "ruleremovebymsg": true, "ruleremovetargetbyid": true,
	"ruleremovetargetbytag": true, "ruleremovetargetbymsg": true, "auditengine": true,
	"forcerequestbodyvariable": true, "requestbodyprocessor": true,
}

func (c *compiler) link(from *seclang.Link, dir string) (l *link, err error) {
	l = &link{number: c.links, negated: from.Negated}
	c.links++
	if err := l.readActions(from); err != nil {
		return nil, err
	}
	for _, t := range from.Targets {
		target, err := newTarget(t)
		if err != nil {
			return nil, err
		}
		l.targets = append(l.targets, target)
	}
	_, multi := from.Action("multimatch")
	if l.chain, err = c.chainOf(from.Transformations, multi); err != nil {
		return nil, err
	}
	if l.operator, err = c.newOperator(from.Operator, from.Argument, dir); err != nil {
		return nil, err
	}
	if len(from.Targets) > 0 && l.decide == nil && !l.isWord {
		return nil, fmt.Errorf("operator %s is not known", from.Operator)
	}
	if l.words != nil {
		l.set = len(c.words)
		c.words = append(c.words, l.words)
	}
	return l, nil
}

func (l *link) readActions(from *seclang.Link) error {
	for _, a := range from.Actions {
		control, _, _ := strings.Cut(a.Value, "=")
		switch {
		case !actions[a.Name]:
			return fmt.Errorf("action %s is not known", a.Name)
		case a.Name == "ctl" && !controls[strings.ToLower(control)]:
			return fmt.Errorf("ctl:%s is not known", control)
		case a.Name == "capture":
			l.captures = true
		case a.Name == "setvar":
			set, ok := readSetvar(a.Value)
			if !ok {
				return errors.New("setvar sets no variable of TX")
			}
			l.setvars = append(l.setvars, set)
		}
	}
	return nil
}

func newTarget(from seclang.Target) (t *target, err error) {
	t = &target{variable: from.Variable, kinds: kindsOf[from.Variable], count: from.Count, isAll: from.Key.Text == ""}
	t.isTX = from.Variable == "TX"
	t.matched = from.Variable == "MATCHED_VAR" || from.Variable == "MATCHED_VARS"
	t.isStrange = t.kinds == nil && !t.isTX && !t.matched || t.isTX && t.isAll || t.matched && (t.count || !t.isAll || len(from.Except) > 0)
	if t.key, err = newKey(from.Key, from.Variable); err != nil {
		return nil, err
	}
	for _, e := range from.Except {
		k, err := newKey(e, from.Variable)
		if err != nil {
			return nil, err
		}
		t.except = append(t.except, k)
	}
	t.hasPattern = slices.ContainsFunc(append(t.except, t.key), func(k key) bool { return k.pattern != nil })
	return t, nil
}

func (c *compiler) chainOf(names []string, multi bool) (*chain, error) {
	name := fmt.Sprint(names, multi)
	if known := c.chains[name]; known != nil {
		return known, nil
	}
	made := &chain{name: name, multi: multi}
	for _, name := range names {
		f, ok := transform.Of(name)
		if !ok {
			return nil, fmt.Errorf("transformation %s is not known", name)
		}
		acts, always := transform.Acts(name)
		made.funcs = append(made.funcs, f)
		if !multi {
			made.step = c.stepOf(made.step, step{made.step, name, f, acts, always})
		}
		made.acts, made.always = made.acts.Or(acts), made.always || always
	}
	c.chains[name] = made
	return made, nil
}

// doubt marks what changes while Coraza runs the i-th link itself: variables that it sets, and
// what it has matched, if that is of importance behind it. In the first link, the last match is
// one of another rule.
func (l *link) doubt(i int) {
	for _, t := range l.targets {
		if t.matched && (i == 0 || l.carries && len(l.targets) > 1) ||
			t.isTX && slices.ContainsFunc(l.setvars, func(s setvar) bool { return s.mayBe(map[string]bool{t.key.text: true}) }) ||
			t.isTX && t.key.pattern != nil && l.maySet(t.key) {
			t.isStrange = true
		}
	}
	for _, t := range l.arg {
		if t.variable == "TX" && slices.ContainsFunc(l.setvars, func(s setvar) bool { return s.mayBe(map[string]bool{t.name: true}) }) {
			l.arg = macro{{variable: "UNKNOWN"}}
			return
		}
	}
}

// reads reports whether a link depends on what links before it have left behind.
func (l *link) reads() bool {
	return !l.arg.isText() || slices.ContainsFunc(l.targets, func(t *target) bool { return t.isTX || t.matched })
}

// readsMatches reports whether a link reads only what links before have matched.
func (l *link) readsMatches() bool {
	return l.arg.isText() && !slices.ContainsFunc(l.targets, func(t *target) bool { return !t.matched })
}
