//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop/ban"
)

// A desk keeps who is denied and why. The kernel's list follows it.
type desk struct {
	plane dataplane
	boot  string // names this start

	mu      sync.Mutex
	caps    caps
	spared  spared
	entries map[netip.Prefix]*entry
	ends    ends
	byEdges int // entries that an edge wants
	allowed []netip.Prefix
	notes   map[netip.Prefix]note // of allowed prefixes
	shops   *perShop
	edges   map[edgeID]*edge
	counts  deskCounts
	save    func(denied, allowed []note) error // for another start
}

// deskCounts are what edges have asked for.
type deskCounts struct{ Passed, Lifted, Refused uint64 }

// openDesk takes over what the kernel's lists hold, and what people said of it.
// People's entries that another layout of maps has lost are made anew.
func openDesk(plane dataplane, boot string, c caps, s spared, l ledger, now time.Time) (*desk, error) {
	d := &desk{
		plane: plane, boot: boot, caps: c, spared: s, shops: newPerShop(c.PerShop), save: l.write,
		entries: make(map[netip.Prefix]*entry), notes: make(map[netip.Prefix]note), edges: make(map[edgeID]*edge),
		ends: ends{next: now.Unix(), bySecond: make(map[int64][]netip.Prefix)},
	}
	denied, err := plane.Denied()
	if err != nil {
		return nil, err
	}
	for _, k := range denied {
		e := new(entry)
		switch k.Owner {
		case scrub.OwnerFile:
			e.file = true
		case ownerPeople:
			e.people = &note{Prefix: k.Prefix, By: "manual", Since: now, Until: k.Until}
		default:
			e.left, e.cause = k.Until, ban.Cause(min(k.Cause, uint32(ban.Causes-1)))
			d.byEdges++
		}
		d.entries[k.Prefix] = e
		d.ends.put(k.Prefix, e, k.Until)
	}
	for _, n := range l.Denied {
		if !n.Until.After(now) {
			continue
		}
		e := d.entries[n.Prefix]
		if e == nil {
			e = new(entry)
			d.entries[n.Prefix] = e
		}
		e.people = &n
		if err := d.tell(n.Prefix, e); err != nil {
			return nil, err
		}
	}
	if err := d.readAllowed(); err != nil {
		return nil, err
	}
	for _, n := range l.Allowed {
		d.notes[n.Prefix] = n
		if slices.Contains(d.allowed, n.Prefix) {
			continue
		}
		if err := plane.Allow(n.Prefix); err != nil {
			return nil, err
		}
		d.allowed = append(d.allowed, n.Prefix)
	}
	return d, nil
}

// readAllowed takes over the kernel's allow list.
func (d *desk) readAllowed() error {
	allowed, err := d.plane.Allowed()
	if err != nil {
		return err
	}
	d.allowed = d.allowed[:0]
	for _, a := range allowed {
		d.allowed = append(d.allowed, a.Prefix)
	}
	return nil
}

// tell has the kernel's list follow one entry. Without anybody who wants it the
// entry goes.
func (d *desk) tell(p netip.Prefix, e *entry) error {
	k := e.inKernel(p)
	if k.Owner != scrub.OwnerFile && k.Until.IsZero() {
		if err := d.plane.Lift(p); err != nil {
			return err
		}
		delete(d.entries, p)
		return nil
	}
	if err := d.plane.Deny(k); err != nil {
		return err
	}
	d.ends.put(p, e, k.Until)
	return nil
}

// applied follows a new policy file: its entries, and what it protects.
func (d *desk) applied(f *file, s spared) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spared = s
	stands := make(map[netip.Prefix]bool)
	var all error
	for _, p := range f.Deny {
		stands[p.Prefix] = true
		if d.entries[p.Prefix] == nil {
			d.entries[p.Prefix] = new(entry)
		}
		d.entries[p.Prefix].file = true
		// An edge may have been heard since the file was applied.
		all = errors.Join(all, d.tell(p.Prefix, d.entries[p.Prefix]))
	}
	for p, e := range d.entries {
		if e.file && !stands[p] {
			e.file = false
			all = errors.Join(all, d.tell(p, e)) // others may still want it
		}
	}
	all = errors.Join(all, d.readAllowed())
	for p := range d.notes {
		if !slices.Contains(d.allowed, p) {
			d.allowed = append(d.allowed, p)
			all = errors.Join(all, d.plane.Allow(p))
		}
	}
	return all
}

// expire takes out what has come to its end: it takes up room.
func (d *desk) expire(now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all error
	for _, p := range d.ends.take(now) {
		e := d.entries[p]
		if e == nil || e.due > now.Unix() {
			continue // it is gone, or was made anew
		}
		e.due = 0
		d.end(p, e, now)
		if d.entries[p] != nil {
			d.ends.put(p, e, e.inKernel(p).Until)
			continue
		}
		if err := d.plane.Lift(p); err != nil {
			all = errors.Join(all, fmt.Errorf("ending the entry of %s: %w", p, err))
		}
	}
	return all
}

// end drops the wishes that have ended, and the entry with the last one.
func (d *desk) end(p netip.Prefix, e *entry, now time.Time) {
	was := e.byEdges()
	for _, c := range e.edges {
		if !c.until.After(now) {
			delete(d.edges[c.edge].claims, p)
		}
	}
	if !e.expire(now) {
		delete(d.entries, p)
	}
	if was && !e.byEdges() {
		d.byEdges--
	}
}

// remember writes down what people said, and returns what they should know if
// that failed. It is called with the lock held.
func (d *desk) remember() (notice string) {
	var denied, allowed []note
	for _, e := range d.entries {
		if e.people != nil {
			denied = append(denied, *e.people)
		}
	}
	for _, n := range d.notes {
		allowed = append(allowed, n)
	}
	if err := d.save(denied, allowed); err != nil {
		return "when scrubd is started again it will have forgotten by whom and why: " + err.Error()
	}
	return ""
}
