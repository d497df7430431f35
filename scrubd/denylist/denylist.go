package denylist

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

// Kernel is what a List needs of a dataplane, such as scrub.Scrubber.
type Kernel interface {
	Deny(scrub.Entry) error
	Lift(netip.Prefix) error
	Denied() ([]scrub.Denied, error)
	Dropped(netip.Prefix) (packets uint64, listed bool)
	Allow(p netip.Prefix, until time.Time) error // zero: for good
	Disallow(netip.Prefix) error
	Allowed() ([]scrub.Denied, error)
}

// A List is the deny list and the allow list, with the owners of each entry. The
// kernel's lists follow it. Its methods may be called concurrently.
type List struct {
	kernel   Kernel
	instance string // names this start of scrubd

	mu        sync.Mutex
	limits    Limits
	neverDeny NeverDeny
	entries   map[netip.Prefix]*entry
	expiry    expiry
	pushed    int // entries that an edge wants
	allowed   []netip.Prefix
	inFile    map[netip.Prefix]bool       // those that the policy file allows
	allowedBy map[netip.Prefix]Annotation // those that operators allowed
	shops     *shopLimiter
	edges     map[EdgeID]*edge
	counts    Counts
	save      func(denied, allowed []Annotation) error // for the next start
	unsaved   error                                    // of the last time
}

// Counts are how many bans edges have pushed since the start.
type Counts struct {
	Set     uint64 // requests to deny
	Lifted  uint64 // requests to lift
	Refused uint64 // of both
}

// Open takes over what the kernel's lists hold, and what the state file says of it.
// Manual entries that the kernel has lost, as after an upgrade with another layout
// of its maps, are added again. The instance ID names this start: an edge that sees
// another one pushes its bans again.
func Open(k Kernel, instance string, limits Limits, never NeverDeny, state StateFile, now time.Time) (*List, error) {
	l := &List{
		kernel: k, instance: instance, limits: limits, neverDeny: never, shops: newShopLimiter(limits.PerShop), save: state.write,
		entries: make(map[netip.Prefix]*entry), allowedBy: make(map[netip.Prefix]Annotation), inFile: make(map[netip.Prefix]bool), edges: make(map[EdgeID]*edge),
		expiry: expiry{next: now.Unix(), bySecond: make(map[int64][]netip.Prefix)},
	}
	denied, err := k.Denied()
	if err != nil {
		return nil, err
	}
	for _, d := range denied {
		e := new(entry)
		switch d.Owner {
		case scrub.OwnerFile:
			e.file = true
		case ownerManual:
			e.manual = &Annotation{Prefix: d.Prefix, By: "unknown", Since: now, Until: d.Until}
		default:
			e.inherited, e.cause = d.Until, ban.Cause(min(d.Cause, uint32(ban.Causes-1)))
			l.pushed++
		}
		l.entries[d.Prefix] = e
		l.expiry.put(d.Prefix, e, d.Until)
	}
	for _, a := range state.Denied {
		if !a.Until.After(now) {
			continue
		}
		a.Until = earlier(a.Until, now.Add(MaxManualTTL)) // a clock was wrong, now or then
		e := l.entries[a.Prefix]
		if e == nil {
			e = new(entry)
			l.entries[a.Prefix] = e
		}
		e.manual = &a
		if err := l.syncKernel(a.Prefix, e); err != nil {
			return nil, err
		}
	}
	if err := l.readAllowed(); err != nil {
		return nil, err
	}
	return l, l.restoreAllowed(state.Allowed, now)
}

// Instance names this start of scrubd.
func (l *List) Instance() string { return l.instance }

// readAllowed takes over the kernel's allow list.
func (l *List) readAllowed() error {
	allowed, err := l.kernel.Allowed()
	if err != nil {
		return err
	}
	l.allowed = l.allowed[:0]
	clear(l.inFile)
	for _, a := range allowed {
		l.allowed = append(l.allowed, a.Prefix)
		l.inFile[a.Prefix] = a.Owner == scrub.OwnerFile
	}
	return nil
}

// syncKernel makes the kernel's list follow one entry. An entry without an owner is
// removed.
func (l *List) syncKernel(p netip.Prefix, e *entry) error {
	k := e.inKernel(p)
	if k.Owner != scrub.OwnerFile && k.Until.IsZero() {
		if err := l.kernel.Lift(p); err != nil {
			return err
		}
		delete(l.entries, p)
		return nil
	}
	if err := l.kernel.Deny(k); err != nil {
		return err
	}
	l.expiry.put(p, e, k.Until)
	return nil
}

// Reload follows a new policy file that the kernel has: what it denies, and what
// it protects from being denied.
func (l *List) Reload(deny []scrub.Prefix, never NeverDeny) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.neverDeny = never
	inFile := make(map[netip.Prefix]bool)
	var all error
	for _, p := range deny {
		inFile[p.Prefix] = true
		if l.entries[p.Prefix] == nil {
			l.entries[p.Prefix] = new(entry)
		}
		l.entries[p.Prefix].file = true
		// An edge may have pushed a ban since the kernel was given the file.
		all = errors.Join(all, l.syncKernel(p.Prefix, l.entries[p.Prefix]))
	}
	for p, e := range l.entries {
		if e.file && !inFile[p] {
			e.file = false
			all = errors.Join(all, l.syncKernel(p, e)) // others may still want it
		}
	}
	all = errors.Join(all, l.readAllowed())
	for _, a := range l.allowedBy {
		if !slices.Contains(l.allowed, a.Prefix) {
			all = errors.Join(all, l.allow(a))
		}
	}
	return all
}

// SetNeverDeny replaces what may not be denied, as when this host gets a new
// address. Entries that exist stay.
func (l *List) SetNeverDeny(never NeverDeny) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.neverDeny = never
}

// Expire removes what has ended. The kernel does not drop for it any more, but it
// takes up room there.
func (l *List) Expire(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all error
	ended := l.expireAllowed(now, &all)
	for _, p := range l.expiry.take(now) {
		e := l.entries[p]
		if e == nil || e.due > now.Unix() {
			continue // it was removed, or replaced by a new one
		}
		e.due = 0
		manual := e.manual != nil
		l.end(p, e, now)
		ended = ended || manual && e.manual == nil
		if l.entries[p] != nil {
			l.expiry.put(p, e, e.inKernel(p).Until)
			continue
		}
		if err := l.kernel.Lift(p); err != nil {
			all = errors.Join(all, fmt.Errorf("removing the expired entry of %s: %w", p, err))
		}
	}
	if ended { // the file does not outlive the entry
		l.remember()
	}
	return all
}

// end removes the holds that have ended, and the entry with the last one.
func (l *List) end(p netip.Prefix, e *entry, now time.Time) {
	was := e.byEdges()
	for _, h := range e.edges {
		if !h.until.After(now) {
			delete(l.edges[h.edge].holds, p)
		}
	}
	if !e.expire(now) {
		delete(l.entries, p)
	}
	if was && !e.byEdges() {
		l.pushed--
	}
}

// remember writes the state file, and returns a notice for the operator if that
// failed. It is called with the lock held.
func (l *List) remember() (notice string) {
	var denied, allowed []Annotation
	for _, e := range l.entries {
		if e.manual != nil {
			denied = append(denied, *e.manual)
		}
	}
	for _, a := range l.allowedBy {
		allowed = append(allowed, a)
	}
	l.unsaved = l.save(denied, allowed)
	if l.unsaved != nil {
		return "author and reason will be lost at the next start of scrubd, and the entry at the next boot: " + l.unsaved.Error()
	}
	return ""
}

// Save writes the state file.
func (l *List) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember()
	return l.unsaved
}

// Unsaved is why the state file was not written last; nil: it was.
func (l *List) Unsaved() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unsaved
}
