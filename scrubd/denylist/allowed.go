package denylist

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// allow allows a prefix for an operator. What the policy file allows stays as it is.
func (l *List) allow(a Annotation) error {
	if !l.inFile[a.Prefix] {
		if err := l.kernel.Allow(a.Prefix, a.Until); err != nil {
			return err
		}
	}
	if !slices.Contains(l.allowed, a.Prefix) {
		l.allowed = append(l.allowed, a.Prefix)
	}
	l.allowedBy[a.Prefix] = a
	return nil
}

// restoreAllowed allows what operators have allowed before this start. Of what only the
// kernel knows, nobody knows why.
func (l *List) restoreAllowed(state []Annotation, now time.Time) error {
	known, err := l.kernel.Allowed()
	if err != nil {
		return err
	}
	for _, a := range known {
		if !l.inFile[a.Prefix] {
			l.allowedBy[a.Prefix] = Annotation{Prefix: a.Prefix, By: "unknown", Since: now, Until: a.Until}
		}
	}
	for _, a := range state {
		if a.ended(now) {
			continue
		}
		a.Until = earlier(a.Until, now.Add(MaxManualTTL))
		if err := l.allow(a); err != nil {
			return err
		}
	}
	return nil
}

// expireAllowed removes what operators have allowed until now, and reports whether there
// was something.
func (l *List) expireAllowed(now time.Time, all *error) (ended bool) {
	for p, a := range l.allowedBy {
		if !a.ended(now) {
			continue
		}
		delete(l.allowedBy, p)
		ended = true
		if l.inFile[p] {
			continue
		}
		l.allowed = slices.DeleteFunc(l.allowed, func(known netip.Prefix) bool { return known == p })
		if err := l.kernel.Disallow(p); err != nil {
			*all = errors.Join(*all, fmt.Errorf("removing the expired entry of %s: %w", p, err))
		}
	}
	return ended
}

// ended reports whether it has an end that has come.
func (a Annotation) ended(now time.Time) bool { return !a.Until.IsZero() && !a.Until.After(now) }

// earlier is the earlier of an end, if it is one, and another time.
func earlier(until, most time.Time) time.Time {
	if until.After(most) {
		return most
	}
	return until
}
