package denylist

import (
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// The owners of an entry, as the kernel's list keeps them for the next start. The
// policy file is scrub.OwnerFile.
const (
	ownerManual uint32 = iota + 1
	ownerEdges
)

// The names of owners, as operators and metrics read them.
const (
	File   = "file"   // the policy file
	Manual = "manual" // an operator
	Edges  = "edges"  // edges that pushed a ban
)

// OwnerName returns the name of an owner in the kernel's list.
func OwnerName(owner uint32) string {
	switch owner {
	case scrub.OwnerFile:
		return File
	case ownerManual:
		return Manual
	}
	return Edges
}

// An entry is a denied prefix with its owners. It is denied as long as one is left.
type entry struct {
	file      bool // it is in the policy file
	manual    *Annotation
	edges     []hold
	inherited time.Time // until when an edge wants it that pushed it before scrubd's start
	cause     ban.Cause // of that
	due       int64     // the second at which it is looked at, see expiry
}

// A hold is one edge's ban of a prefix.
type hold struct {
	edge    EdgeID
	until   time.Time
	cause   ban.Cause
	shop    shop.ID
	counted uint64 // dropped packets that the edge has been told of
}

// expire removes the holds that have ended, and reports whether any is left.
func (e *entry) expire(now time.Time) bool {
	if e.manual != nil && !e.manual.Until.After(now) {
		e.manual = nil
	}
	if !e.inherited.After(now) {
		e.inherited = time.Time{}
	}
	e.edges = slices.DeleteFunc(e.edges, func(h hold) bool { return !h.until.After(now) })
	return e.file || e.manual != nil || len(e.edges) > 0 || !e.inherited.IsZero()
}

// holdOf returns an edge's hold, or nil.
func (e *entry) holdOf(id EdgeID) *hold {
	for i := range e.edges {
		if e.edges[i].edge == id {
			return &e.edges[i]
		}
	}
	return nil
}

// release removes an edge's hold.
func (e *entry) release(id EdgeID) {
	e.edges = slices.DeleteFunc(e.edges, func(h hold) bool { return h.edge == id })
}

// byEdges reports whether an edge wants it denied.
func (e *entry) byEdges() bool { return len(e.edges) > 0 || !e.inherited.IsZero() }

// inKernel is the entry in the kernel's list: until the last hold ends, owned by
// the policy file before an operator before edges.
func (e *entry) inKernel(p netip.Prefix) scrub.Entry {
	k := scrub.Entry{Prefix: p, Until: e.inherited, Cause: uint32(e.cause), Owner: ownerEdges}
	for _, h := range e.edges {
		if h.until.After(k.Until) {
			k.Until, k.Cause = h.until, uint32(h.cause)
		}
	}
	if e.manual != nil {
		k.Owner, k.Cause = ownerManual, uint32(ban.Manual)
		if e.manual.Until.After(k.Until) {
			k.Until = e.manual.Until
		}
	}
	if e.file {
		k.Owner, k.Until, k.Cause = scrub.OwnerFile, time.Time{}, 0
	}
	return k
}
