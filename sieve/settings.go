package sieve

import (
	"fmt"
	"strconv"
	"strings"
)

// Setup is what a shop has set of the rules.
type Setup struct {
	// The variables of TX that are set before the first rule, by their names in small
	// letters; among them detection_paranoia_level. All others are what rules set.
	TX map[string]string
	// Those of which each request may have another value.
	Vary []string
	// The rules that a request's [Exclusions] may name. Others are never excluded.
	Exclude []RuleID
}

// Settings are a shop's [Setup], compiled. They hold for many requests of the sieve that has
// made them.
type Settings struct {
	tx      map[string]string
	varies  map[string]bool
	dead    []bool     // by index of the rule: it is skipped
	touched []bool     // by index of the rule: an exclusion may name it
	args    []argument // by number of the link

	selected map[*target][]leftover // variables that the pattern of a target selects
}

// argument is that of an operator, with its references replaced.
type argument struct {
	text  string
	known bool
}

// Settings compiles a setup.
func (s *Sieve) Settings(setup Setup) (*Settings, error) {
	settings := &Settings{
		tx: make(map[string]string), varies: make(map[string]bool), touched: make([]bool, len(s.rules)),
		args: make([]argument, s.links), selected: make(map[*target][]leftover),
	}
	for name, value := range setup.TX {
		if name != strings.ToLower(name) {
			return nil, fmt.Errorf("setting tx.%s: want the name in small letters", name)
		}
		settings.tx[name] = value
	}
	for _, name := range setup.Vary {
		settings.varies[name] = true
	}
	if err := s.touch(settings, setup.Exclude); err != nil {
		return nil, err
	}
	reference := func(variable, name string) (string, state) { return s.reference(settings, variable, name) }
	for _, rule := range s.initial {
		if _, isSet := settings.tx[rule.unless]; rule.unless != "" && (isSet || settings.varies[rule.unless]) {
			continue
		}
		for _, set := range rule.setvars {
			value, known := set.value.expand(reference)
			if !known || isSum(value) {
				return nil, fmt.Errorf("setting tx.%s: its value is not known before the request", set.name.prefix())
			}
			settings.tx[set.name.prefix()] = value
		}
	}
	if err := settings.checkScores(); err != nil {
		return nil, err
	}
	for _, r := range s.rules {
		for _, l := range r.links {
			settings.selectFor(l)
			text, known := l.arg.expand(reference)
			settings.args[l.number] = argument{text, known}
		}
	}
	settings.dead = s.dead(settings)
	return settings, nil
}

// touch marks the rules that exclusions may name. Without one that sets variables for all
// others, nothing would be known of these.
func (s *Sieve) touch(settings *Settings, rules []RuleID) error {
	named := make(map[RuleID]bool) // a shop's exclusions name some rules hundreds of times
	for _, id := range rules {
		named[id] = true
	}
	for _, r := range s.rules {
		if !named[r.id] {
			continue
		}
		if r.aside == setsVariables {
			return fmt.Errorf("excluding rule %d: it sets variables that other rules read", r.id)
		}
		settings.touched[r.index] = true
	}
	return nil
}

func (s *Settings) selectFor(l *link) {
	for _, t := range l.targets {
		for name := range s.varies {
			if t.isTX && t.key.pattern != nil && t.key.pattern.MatchString(name) {
				s.selected[t] = append(s.selected[t], leftover{name: name, isNamed: true})
			}
		}
		for name, value := range s.tx {
			if t.isTX && t.key.pattern != nil && t.key.pattern.MatchString(name) {
				s.selected[t] = append(s.selected[t], leftover{name: name, value: value, isNamed: true, hasValue: true})
			}
		}
	}
}

// checkScores verifies what the bound rules rely on: no score before the first rule, and a
// threshold that takes one.
func (s *Settings) checkScores() error {
	for name := range s.varies {
		if isScore(name) || name == "inbound_anomaly_score_threshold" {
			return fmt.Errorf("setting tx.%s: it must be the same for all requests", name)
		}
	}
	for name, value := range s.tx {
		if n, err := strconv.Atoi(value); isScore(name) && (n != 0 || err != nil) {
			return fmt.Errorf("setting tx.%s to %q: a request must begin with a score of 0", name, value)
		}
	}
	if threshold, ok := s.tx["inbound_anomaly_score_threshold"]; ok {
		if n, err := strconv.Atoi(threshold); n < 1 || err != nil {
			return fmt.Errorf("setting tx.inbound_anomaly_score_threshold to %q: want at least 1", threshold)
		}
	}
	return nil
}

func isScore(name string) bool {
	return strings.HasPrefix(name, "inbound_anomaly_score_pl") || strings.HasSuffix(name, "_inbound_anomaly_score")
}

// value is that of a variable of TX, if no rule but the one that reads it may have set it.
func (s *Sieve) value(settings *Settings, name string) (string, state) {
	isGroup := len(name) == 1 && '0' <= name[0] && name[0] <= '9'
	if isGroup || settings.varies[name] || s.set.has(name) {
		return "", unknown
	}
	if value, ok := settings.tx[name]; ok {
		return value, known
	}
	return "", unset
}

// reference is the value of %{tx.name}. All other variables depend on the request.
func (s *Sieve) reference(settings *Settings, variable, name string) (string, state) {
	if variable != "TX" {
		return "", unknown
	}
	return s.value(settings, name)
}
