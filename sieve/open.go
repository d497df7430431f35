package sieve

import (
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/sieve/byteset"
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
			w.inspect(kind(k))
		} else if kind(k).isSingle() {
			w.lack(s.wide[k].groups)
		}
	}
	for _, rule := range s.narrow {
		if w.isLive(rule) && w.rest(rule, 0) {
			w.verdicts[rule.index] = open
		}
	}
	for _, rule := range s.rules {
		if w.verdicts[rule.index] == open && !w.removed(rule) {
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
	results  []results // by step
	multi    results
	chunks   [][]value // made by transformations
	made     int
	verdicts []verdict // by index of the rule
	left     []leftover
	matched  []match

	excluded   func(*Exclusions)
	exclusions *Exclusions // once somebody asks
	room       Exclusions
}

func (w *work) begin(r *Request) {
	w.settings, w.excluded = r.Settings, r.Exclude
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

// maxChunks is how many are kept for the next request.
const maxChunks = 64

// release forgets the request: its texts are orders and passwords.
func (w *work) release() {
	for k := range w.values {
		clear(w.values[k])
		w.values[k] = w.values[k][:0]
	}
	for i := range w.chunks[:(w.made+chunk-1)/chunk] {
		clear(w.chunks[i])
	}
	w.chunks = w.chunks[:min(len(w.chunks), maxChunks)]
	clear(w.left[:cap(w.left)])
	clear(w.matched[:cap(w.matched)])
	w.room.clear()
	w.excluded, w.exclusions = nil, nil
	w.made, w.left, w.matched, w.settings = 0, w.left[:0], w.matched[:0], nil
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
