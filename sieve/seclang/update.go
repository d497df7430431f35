package seclang

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// readRange reads 942100 or 942100-942199.
func readRange(text string) (from, to int, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if from, err = strconv.Atoi(first); err == nil {
		to = from
		if isRange {
			to, err = strconv.Atoi(last)
		}
	}
	if err != nil || from > to {
		return 0, 0, fmt.Errorf("want a number or a range of rules, not %q", text)
	}
	return from, to, nil
}

func (r *reader) remove(text string) error {
	for field := range strings.FieldsSeq(text) {
		from, to, err := readRange(field)
		if err != nil {
			return err
		}
		r.program.Rules = slices.DeleteFunc(r.program.Rules, func(rule *Rule) bool {
			return rule.Marker == "" && from <= rule.ID && rule.ID <= to
		})
	}
	return nil
}

// updated calls update for the rules of ID "WHAT". With more than one number Coraza 3.8.1
// heeds the first only, so that is an error here.
func (r *reader) updated(text string, update func(rule *Rule, what string) error) error {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return fmt.Errorf("want a number and what to update, not %.60q", text)
	}
	from, to, err := readRange(fields[0])
	if err != nil {
		return err
	}
	for _, rule := range r.program.Rules {
		if rule.Marker == "" && from <= rule.ID && rule.ID <= to {
			if err := update(rule, strings.Trim(fields[1], `"`)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addTargets changes the first link: Coraza does not look at the others.
func (r *Rule) addTargets(variables string) error {
	err := r.Links[0].readTargets(variables)
	r.Text += "\n+ " + variables
	return err
}

func (r *reader) updateTargets(text string) error {
	return r.updated(text, (*Rule).addTargets)
}

func (r *reader) updateTargetsByTag(text string) error {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return fmt.Errorf("want a tag and variables, not %.60q", text)
	}
	for _, rule := range r.program.Rules {
		if slices.Contains(rule.Tags, strings.Trim(fields[0], `"`)) {
			if err := rule.addTargets(strings.Trim(fields[1], `"`)); err != nil {
				return err
			}
		}
	}
	return nil
}

// updateActions adds actions, so that one that nobody knows is seen. Texts for the log change
// nothing.
func (r *reader) updateActions(text string) error {
	return r.updated(text, func(rule *Rule, what string) error {
		link, err := readActions(what)
		if err != nil {
			return err
		}
		for _, a := range link.Actions {
			if a.Name != "logdata" && a.Name != "msg" {
				rule.Links[0].Actions = append(rule.Links[0].Actions, Action{"update", a.Name})
			}
		}
		if len(link.Transformations) > 0 {
			rule.Links[0].Actions = append(rule.Links[0].Actions, Action{"update", "t"})
		}
		return nil
	})
}
