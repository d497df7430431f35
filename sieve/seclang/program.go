package seclang

import "slices"

// Program is a text of rules, in the order in which Coraza runs them.
type Program struct {
	Rules   []*Rule
	Unknown []Directive // directives that may change what rules do
}

// Rule is a SecRule with those that are chained to it, a SecAction, or a marker.
type Rule struct {
	ID     int
	Phase  int
	Links  []*Link // the first has the number; all must match
	Tags   []string
	Marker string // of a SecMarker, which has nothing else
	Text   string // as it was read, without comments and line breaks; changed by updates
	Dir    string // the folder of its file, for names of files in operators
}

// Link is one SecRule of a chain.
type Link struct {
	Targets         []Target // none: a SecAction, which always matches
	Operator        string   // in small letters, without @
	Argument        string
	Negated         bool
	Transformations []string // in small letters, without those that t:none has removed
	Actions         []Action // all others, names in small letters
}

// Target is a variable that a rule inspects.
type Target struct {
	Variable string // in capitals
	Key      Key    // the zero Key is the whole collection
	Count    bool   // the number of values, instead of the values
	Except   []Key
}

// Key selects values of a collection by their name.
type Key struct {
	Text    string
	Pattern bool // Text is a regular expression
}

// Action is what a rule does or says, such as setvar:tx.a=1.
type Action struct{ Name, Value string }

// Directive is a line that is no rule.
type Directive struct{ Name, Value string }

// Action returns the value of the first action of that name.
func (l *Link) Action(name string) (value string, ok bool) {
	i := slices.IndexFunc(l.Actions, func(a Action) bool { return a.Name == name })
	if i < 0 {
		return "", false
	}
	return l.Actions[i].Value, true
}

// isChained reports whether another rule is to follow.
func (r *Rule) isChained() bool {
	if r.Marker != "" {
		return false
	}
	_, chained := r.Links[len(r.Links)-1].Action("chain")
	return chained
}

func (p *Program) rule(id int) *Rule {
	i := slices.IndexFunc(p.Rules, func(r *Rule) bool { return r.Marker == "" && r.ID == id })
	if i < 0 {
		return nil
	}
	return p.Rules[i]
}
