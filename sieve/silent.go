package sieve

import (
	"regexp"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// Range are the rules from First to Last.
type Range struct{ First, Last RuleID }

// Silent appends to dst the rules that may be taken out of a run of Coraza in which these
// rules, as [Sieve.Open] has returned them, are open: what is left does the same as all rules
// together. It returns false if an open rule reads what some other rule has left behind, so
// that all have to run.
//
// A rule stays if it is not judged, or leaves something behind for others although it does not
// match as a whole.
func (s *Sieve) Silent(open []RuleID, dst []Range) (ranges []Range, ok bool) {
	if s.borrows[0] || slices.ContainsFunc(open, func(id RuleID) bool { return s.borrows[id] }) {
		return dst, false
	}
	in := false // the last rule is in the last range
	for _, r := range s.order {
		switch {
		case r.stays || slices.Contains(open, r.id):
			in = false
		case in:
			dst[len(dst)-1].Last = r.id
		default:
			dst, in = append(dst, Range{r.id, r.id}), true
		}
	}
	return dst, true
}

// place is a rule in the order of the numbers.
type place struct {
	id    RuleID
	stays bool
}

// readOrder finds out which rules may be taken out.
func (c *compiler) readOrder(program *seclang.Program) {
	c.borrows = make(map[RuleID]bool)
	readers := readersOf(program)
	for _, source := range program.Rules {
		if source.Marker != "" {
			continue
		}
		r := c.find(source)
		isJudged := r != nil && r.aside == "" && r.why == ""
		if borrows(source) {
			if isJudged {
				c.borrows[source.ID] = true
			} else {
				c.borrows[0] = true // it runs always, so the others have to
			}
		}
		c.order = append(c.order, place{source.ID, !isJudged || r.stays || leaves(source, readers)})
	}
	slices.SortFunc(c.order, func(a, b place) int { return a.id - b.id })
}

// leaves reports whether a rule whose last link does not match may have done something that
// others see: Coraza carries out the actions of a link as soon as it matches.
func leaves(source *seclang.Rule, all readers) bool {
	for _, l := range source.Links[:len(source.Links)-1] {
		for _, a := range l.Actions {
			switch a.Name {
			case "setvar":
				if set, ok := readSetvar(a.Value); !ok || all.read(source, set.name) {
					return true
				}
			case "ctl", "initcol":
				return true
			}
		}
	}
	return false
}

// readers are the rules that read variables of TX, by name, and those that read all that a
// pattern selects.
type readers struct {
	names    map[string][]RuleID
	patterns []selection
}

type selection struct {
	id RuleID
	of key
}

// readersOf lists them for all phases.
func readersOf(program *seclang.Program) readers {
	all := readers{names: make(map[string][]RuleID)}
	for _, r := range program.Rules {
		for _, l := range r.Links {
			for _, t := range l.Targets {
				if t.Variable != "TX" {
					continue
				}
				k, err := newKey(t.Key, t.Variable)
				if k.pattern != nil || err != nil || k.text == "" {
					all.patterns = append(all.patterns, selection{r.ID, k})
				} else {
					all.names[k.text] = append(all.names[k.text], r.ID)
				}
			}
			texts := []string{l.Argument}
			for _, a := range l.Actions {
				if a.Name == "setvar" || a.Name == "initcol" || a.Name == "ctl" {
					texts = append(texts, a.Value)
				}
			}
			for _, text := range texts {
				for _, token := range readMacro(text) {
					if token.variable == "TX" {
						all.names[token.name] = append(all.names[token.name], r.ID)
					}
				}
			}
		}
	}
	return all
}

// read reports whether another rule than this one may read the variable.
func (all readers) read(source *seclang.Rule, name macro) bool {
	for known, ids := range all.names {
		isThis := known == name.prefix() || !name.isText() && strings.HasPrefix(known, name.prefix())
		if isThis && slices.ContainsFunc(ids, func(id RuleID) bool { return id != source.ID }) {
			return true
		}
	}
	return slices.ContainsFunc(all.patterns, func(p selection) bool {
		switch {
		case p.id == source.ID:
			return false
		case p.of.pattern == nil:
			return true
		case name.isText():
			return p.of.pattern.MatchString(name.prefix())
		}
		return !apart(p.of.text, name.prefix())
	})
}

var groupReference = regexp.MustCompile(`(?i)%\{tx\.(\d)\}`)

// borrows reports whether a rule reads what the rule before it has matched or captured:
// groups that it has not captured itself, or the last match in its first link.
func borrows(r *seclang.Rule) bool {
	own := -1 // the last group that this rule has captured
	isForeign := func(text string) bool {
		return slices.ContainsFunc(groupReference.FindAllStringSubmatch(text, -1), func(found []string) bool { return int(found[1][0]-'0') > own })
	}
	for i, l := range r.Links {
		for _, t := range l.Targets {
			switch {
			case i == 0 && strings.HasPrefix(t.Variable, "MATCHED_VAR"):
				return true
			case t.Variable != "TX":
			case t.Key.Text == "" || isForeign("%{tx."+t.Key.Text+"}"):
				return true
			case t.Key.Pattern && selectsGroup(t.Key):
				return true
			}
		}
		if isForeign(l.Argument) || i == 0 && strings.Contains(strings.ToUpper(l.Argument), "%{MATCHED_VAR") {
			return true
		}
		if _, captures := l.Action("capture"); captures && !l.Negated {
			own = max(own, groupsOf(l))
		}
		if slices.ContainsFunc(l.Actions, func(a seclang.Action) bool { return a.Name == "setvar" && isForeign(a.Value) }) {
			return true
		}
	}
	return false
}

func selectsGroup(k seclang.Key) bool {
	compiled, err := newKey(k, "TX")
	if err != nil {
		return true
	}
	for n := '0'; n <= '9'; n++ {
		if compiled.pattern.MatchString(string(n)) {
			return true
		}
	}
	return false
}

// groupsOf returns the last group that a match of the operator fills in.
func groupsOf(l *seclang.Link) int {
	switch l.Operator {
	case "rx":
		if compiled, err := regexp.Compile(l.Argument); err == nil {
			return min(compiled.NumSubexp(), 8)
		}
		return 0
	case "pm", "pmfromfile", "pmf", "rxpair", "detectsqli":
		return 0
	}
	return -1
}
