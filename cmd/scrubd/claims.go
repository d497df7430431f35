//go:build linux

package main

import (
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// Who owns an entry, as package scrub remembers it for another start.
const (
	ownerPeople uint32 = iota + 1
	ownerEdges
)

// An entry is a denied prefix and who wants it denied. It is denied as long as
// anybody does.
type entry struct {
	file   bool // it stands in the policy file
	people *note
	edges  []claim
	left   time.Time // an edge's, from before scrubd's start: until when
	cause  ban.Cause // of that
	due    int64     // the second at which it is looked at, see ends
}

// A claim is one edge's wish.
type claim struct {
	edge    edgeID
	until   time.Time
	cause   ban.Cause
	shop    shop.ID
	counted uint64 // dropped packets that the edge has been told of
}

// A note is what people said when they denied or allowed a prefix.
type note struct {
	Prefix netip.Prefix `json:"prefix"`
	By     string       `json:"by"`
	Why    string       `json:"why,omitempty"`
	Since  time.Time    `json:"since"`
	Until  time.Time    `json:"until,omitzero"` // zero: it does not end
}

// expire drops the wishes that have ended, and reports whether any is left.
func (e *entry) expire(now time.Time) bool {
	if e.people != nil && !e.people.Until.After(now) {
		e.people = nil
	}
	if !e.left.After(now) {
		e.left = time.Time{}
	}
	e.edges = slices.DeleteFunc(e.edges, func(c claim) bool { return !c.until.After(now) })
	return e.file || e.people != nil || len(e.edges) > 0 || !e.left.IsZero()
}

// of is an edge's claim.
func (e *entry) of(id edgeID) *claim {
	for i := range e.edges {
		if e.edges[i].edge == id {
			return &e.edges[i]
		}
	}
	return nil
}

// drop forgets an edge's claim.
func (e *entry) drop(id edgeID) {
	e.edges = slices.DeleteFunc(e.edges, func(c claim) bool { return c.edge == id })
}

// inKernel is what the kernel is told: until the last wish ends, owned by whoever
// weighs most.
func (e *entry) inKernel(p netip.Prefix) scrub.Entry {
	k := scrub.Entry{Prefix: p, Until: e.left, Cause: uint32(e.cause), Owner: ownerEdges}
	for _, c := range e.edges {
		if c.until.After(k.Until) {
			k.Until, k.Cause = c.until, uint32(c.cause)
		}
	}
	if e.people != nil {
		k.Owner, k.Cause = ownerPeople, uint32(ban.Manual)
		if e.people.Until.After(k.Until) {
			k.Until = e.people.Until
		}
	}
	if e.file {
		k.Owner, k.Until, k.Cause = scrub.OwnerFile, time.Time{}, 0
	}
	return k
}

// ends are the prefixes whose entries may end, by second. Each entry stands in
// one second, its end or an earlier one, so that who renews it again and again
// makes nothing grow.
type ends struct {
	next     int64 // the first second that was not looked at
	bySecond map[int64][]netip.Prefix
}

// put has an entry looked at when it ends, if it does.
func (es *ends) put(p netip.Prefix, e *entry, until time.Time) {
	if until.IsZero() {
		return
	}
	second := max(es.next, until.Unix()+1)
	if e.due != 0 && e.due <= second {
		return
	}
	e.due = second
	es.bySecond[second] = append(es.bySecond[second], p)
}

// take returns what is to be looked at until now. The host's clock may be set
// meanwhile, by decades if it began at none, and back.
func (es *ends) take(now time.Time) (all []netip.Prefix) {
	if now.Unix()-es.next > int64(len(es.bySecond)) {
		for second, some := range es.bySecond {
			if second <= now.Unix() {
				all = append(all, some...)
				delete(es.bySecond, second)
			}
		}
		es.next = now.Unix()
	}
	for ; es.next <= now.Unix(); es.next++ {
		all = append(all, es.bySecond[es.next]...)
		delete(es.bySecond, es.next)
	}
	es.next = now.Unix() + 1
	return all
}

// byEdges reports whether an edge wants it denied.
func (e *entry) byEdges() bool { return len(e.edges) > 0 || !e.left.IsZero() }
