package sieve

import (
	"fmt"
	"strconv"
	"strings"
)

// Settings are what a shop has set of the rules: the variables of TX with which a request
// begins, among them detection_paranoia_level. They are made once, and hold for many requests of the
// sieve that has made them.
type Settings struct {
	tx   map[string]string
	dead []bool     // by index of the rule: it is skipped
	args []argument // by number of the link

	selected map[*target][]leftover // variables that the pattern of a target selects
}

// argument is that of an operator, with its references replaced.
type argument struct {
	text  string
	known bool
}

// Settings returns settings with these variables of TX, by their names in small letters, and
// for all others what the rules themselves set. Each variable that is set for a request before
// its first rule must be among them.
func (s *Sieve) Settings(tx map[string]string) (*Settings, error) {
	settings := &Settings{tx: make(map[string]string), args: make([]argument, s.links), selected: make(map[*target][]leftover)}
	for name, value := range tx {
		if name != strings.ToLower(name) {
			return nil, fmt.Errorf("setting tx.%s: want the name in small letters", name)
		}
		settings.tx[name] = value
	}
	reference := func(variable, name string) (string, state) { return s.reference(settings, variable, name) }
	for _, rule := range s.initial {
		if _, isSet := settings.tx[rule.unless]; isSet && rule.unless != "" {
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

func (s *Settings) selectFor(l *link) {
	for _, t := range l.targets {
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
	for name, value := range s.tx {
		isScore := strings.HasPrefix(name, "inbound_anomaly_score_pl") || strings.HasSuffix(name, "_inbound_anomaly_score")
		if n, err := strconv.Atoi(value); isScore && (n != 0 || err != nil) {
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

// value is that of a variable of TX, if no rule but the one that reads it may have set it.
func (s *Sieve) value(settings *Settings, name string) (string, state) {
	isGroup := len(name) == 1 && '0' <= name[0] && name[0] <= '9'
	if isGroup || s.set.has(name) {
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
