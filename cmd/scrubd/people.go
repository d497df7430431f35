//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// errNotListed is why nothing was lifted or disallowed.
var errNotListed = errors.New("is not on the list")

// refusal is why people's wish was not carried out.
type refusal struct{ error }

func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

func (r refusal) Unwrap() error { return r.error }

// deny denies a prefix for people. The notice of this and the others is what
// people should know of what was done.
func (d *desk) deny(n note) (notice string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if why := d.spared.refuse(n.Prefix, d.allowed, widestByPeople, false); why != "" {
		return "", refuse("denying %s: %s", n.Prefix, why)
	}
	e := d.entries[n.Prefix]
	if e == nil {
		e = new(entry)
	}
	before := e.people
	e.people = &n
	if err := d.tell(n.Prefix, e); err != nil {
		e.people = before
		return "", fmt.Errorf("denying %s: %w", n.Prefix, err)
	}
	d.entries[n.Prefix] = e
	return d.remember(), nil
}

// lift denies a prefix no more, whoever wanted it.
func (d *desk) lift(p netip.Prefix) (notice string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.entries[p]
	switch {
	case e == nil:
		return "", refuse("lifting %s: it %w; `scrubd denied` shows it", p, errNotListed)
	case e.file:
		return "", refuse("lifting %s: it stands in the policy file; take it out there, and reload", p)
	case e.byEdges():
		notice = "an edge had it denied, and will again as long as it is banned there; `theriac shield unban` ends that. "
		d.byEdges--
		for _, c := range e.edges {
			delete(d.edges[c.edge].claims, p)
		}
	}
	*e = entry{due: e.due}
	if err := d.tell(p, e); err != nil {
		return "", fmt.Errorf("lifting %s: %w", p, err)
	}
	return strings.TrimSpace(notice + d.remember()), nil
}

// allow has everything pass that comes from a prefix.
func (d *desk) allow(n note) (notice string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if least := widestByPeople.of(n.Prefix); n.Prefix.Bits() < least {
		return "", refuse("allowing %s: wider than /%d", n.Prefix, least)
	}
	if !slices.Contains(d.allowed, n.Prefix) {
		if err := d.plane.Allow(n.Prefix); err != nil {
			return "", fmt.Errorf("allowing %s: %w", n.Prefix, err)
		}
		d.allowed = append(d.allowed, n.Prefix)
	}
	d.notes[n.Prefix] = n
	return d.remember(), nil
}

// disallow takes a prefix off the allow list.
func (d *desk) disallow(p netip.Prefix) (notice string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.allowed, p)
	if i < 0 {
		return "", refuse("disallowing %s: it %w; `scrubd allowed` shows it", p, errNotListed)
	}
	allowed, err := d.plane.Allowed()
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(allowed, func(a scrub.Denied) bool { return a.Prefix == p && a.Owner == scrub.OwnerFile }) {
		return "", refuse("disallowing %s: it stands in the policy file; take it out there, and reload", p)
	}
	if err := d.plane.Disallow(p); err != nil {
		return "", fmt.Errorf("disallowing %s: %w", p, err)
	}
	d.allowed = slices.Delete(d.allowed, i, i+1)
	delete(d.notes, p)
	return d.remember(), nil
}

// listed is one line of a list, for people.
type listed struct {
	Prefix  netip.Prefix `json:"prefix"`
	Owner   string       `json:"owner"` // file, people, edges
	By      []string     `json:"by,omitempty"`
	Why     string       `json:"why,omitempty"`
	Until   time.Time    `json:"until,omitzero"` // zero: it does not end
	Packets uint64       `json:"packets"`
}

// ownerNames are the owners as people and metrics read them.
var ownerNames = map[uint32]string{scrub.OwnerFile: "file", ownerPeople: "manual", ownerEdges: "edges"}

// denied lists who is denied, sorted.
func (d *desk) denied() []listed {
	all := d.wanted()
	for i := range all { // edges need not wait for that
		all[i].Packets, _ = d.plane.Dropped(all[i].Prefix)
	}
	slices.SortFunc(all, func(a, b listed) int { return a.Prefix.Compare(b.Prefix) })
	return all
}

// wanted is who is denied, and who wants it.
func (d *desk) wanted() []listed {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]listed, 0, len(d.entries))
	for p, e := range d.entries {
		k := e.inKernel(p)
		l := listed{Prefix: p, Owner: ownerNames[k.Owner], Until: k.Until}
		for _, c := range e.edges {
			l.By = append(l.By, "edge "+c.edge.name)
			l.Why = c.cause.String()
			if c.shop != "" {
				l.Why += " of " + string(c.shop)
			}
		}
		slices.Sort(l.By)
		if e.people != nil {
			l.By, l.Why = append(l.By, e.people.By), e.people.Why
		}
		if len(l.By) == 0 && !e.left.IsZero() {
			l.By, l.Why = []string{"an edge, before scrubd started"}, e.cause.String()
		}
		all = append(all, l)
	}
	return all
}

// allowedList lists who is allowed, sorted.
func (d *desk) allowedList() ([]listed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	allowed, err := d.plane.Allowed()
	if err != nil {
		return nil, err
	}
	all := []listed{}
	for _, a := range allowed {
		l := listed{Prefix: a.Prefix, Owner: "file", Packets: a.Packets}
		if n, ok := d.notes[a.Prefix]; ok {
			l.Owner, l.By, l.Why = "manual", []string{n.By}, n.Why
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b listed) int { return a.Prefix.Compare(b.Prefix) })
	return all, nil
}

// count counts the denied prefixes by owner.
func (d *desk) count() (byOwner map[string]int, counts deskCounts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	byOwner = map[string]int{"file": 0, "manual": 0, "edges": 0}
	for p, e := range d.entries {
		byOwner[ownerNames[e.inKernel(p).Owner]]++
	}
	return byOwner, d.counts
}
