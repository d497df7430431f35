//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/scrub"
)

// An edge passes verdicts. Two users cannot be one.
type edgeID struct {
	uid  int
	name string
}

// edge is what is known of it.
type edge struct {
	asked  time.Time
	claims map[netip.Prefix]bool
}

const (
	maxEdges   = 64
	forgetEdge = time.Hour // one that says nothing and claims nothing

	// What is looked up for one answer. An edge asks each second; one with more
	// claims learns of each less often.
	maxLookups = 4096
	// Seconds before their end in which claims are always looked up: the edge is
	// about to decide whether to renew them.
	aboutToEnd = 5
)

// errTooMany is why an edge is turned away.
var errTooMany = fmt.Errorf("%d edges are known already", maxEdges)

// judge carries out what an edge asks for, within its bounds, and tells it what
// its verdicts have dropped.
func (d *desk) judge(id edgeID, verdicts []wire.Verdict, now time.Time) (j wire.Judgement, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.meet(id, now); err != nil {
		return j, err
	}
	j.Boot = d.boot
	for _, v := range verdicts {
		why := ""
		if v.Until.IsZero() || !v.Until.After(now) {
			why = d.withdraw(id, v.Prefix)
			d.counts.Lifted++
		} else {
			why = d.claim(id, v, now)
			d.counts.Passed++
		}
		if why != "" {
			d.counts.Refused++
			j.Refused = append(j.Refused, wire.Refused{Prefix: v.Prefix, Why: why})
		}
	}
	j.Hits = d.hits(id, now)
	return j, nil
}

// meet notes that an edge was heard of, and makes room for a new one.
func (d *desk) meet(id edgeID, now time.Time) error {
	e := d.edges[id]
	if e == nil && len(d.edges) >= maxEdges {
		maps.DeleteFunc(d.edges, func(_ edgeID, e *edge) bool { return now.Sub(e.asked) > forgetEdge && len(e.claims) == 0 })
		if len(d.edges) >= maxEdges {
			return errTooMany
		}
	}
	if e == nil {
		e = &edge{claims: make(map[netip.Prefix]bool)}
		d.edges[id] = e
	}
	e.asked = now
	return nil
}

// claim denies a prefix for an edge, and returns why it did not.
func (d *desk) claim(id edgeID, v wire.Verdict, now time.Time) string {
	if why := d.spared.refuse(v.Prefix, d.allowed, widestByEdge, true); why != "" {
		return why
	}
	e := d.entries[v.Prefix]
	if e == nil || !e.byEdges() {
		switch {
		case d.byEdges >= d.caps.MaxEntries:
			return fmt.Sprintf("%d verdicts hold already, which is the most", d.byEdges)
		case !d.shops.take(v.Shop, now):
			return fmt.Sprintf("more than %s of this shop", d.caps.PerShop)
		}
	}
	if e == nil {
		e = new(entry)
	}
	was := e.byEdges()
	new := claim{edge: id, until: v.Until, cause: v.Cause, shop: v.Shop}
	old := e.of(id)
	if old != nil {
		new.counted = old.counted
	} else {
		new.counted, _ = d.droppedBy(v.Prefix)
	}
	if longest := now.Add(d.caps.MaxTTL); new.until.After(longest) {
		new.until = longest
	}
	before, left := e.edges, e.left
	e.left = time.Time{} // somebody claims it again
	e.edges = append(slices.DeleteFunc(slices.Clone(before), func(c claim) bool { return c.edge == id }), new)
	if err := d.tell(v.Prefix, e); err != nil {
		e.edges, e.left = before, left
		if errors.Is(err, scrub.ErrFull) {
			return scrub.ErrFull.Error()
		}
		return err.Error()
	}
	d.entries[v.Prefix] = e
	d.edges[id].claims[v.Prefix] = true
	if !was {
		d.byEdges++
	}
	return ""
}

// droppedBy is what the prefix's own entry has dropped so far.
func (d *desk) droppedBy(p netip.Prefix) (uint64, bool) {
	if d.entries[p] == nil {
		return 0, false // a wider entry would answer for it
	}
	return d.plane.Dropped(p)
}

// withdraw takes an edge's claim back. What others want stays.
func (d *desk) withdraw(id edgeID, p netip.Prefix) string {
	e := d.entries[p]
	if e == nil || !e.byEdges() {
		return ""
	}
	e.drop(id)
	delete(d.edges[id].claims, p)
	e.left = time.Time{} // whose it was before the start nobody knows: any edge may
	if !e.byEdges() {
		d.byEdges--
	}
	if err := d.tell(p, e); err != nil {
		return err.Error()
	}
	return ""
}

// hits are the packets that an edge's verdicts have dropped since it was told
// last.
func (d *desk) hits(id edgeID, now time.Time) (hits []wire.Hit) {
	look := func(p netip.Prefix) {
		e := d.entries[p]
		if e == nil {
			return
		}
		c := e.of(id)
		if c == nil {
			return
		}
		packets, listed := d.plane.Dropped(p)
		if listed && packets > c.counted {
			hits = append(hits, wire.Hit{Prefix: p, Packets: packets - c.counted})
		}
		if listed {
			c.counted = packets
		}
	}
	lookups := 0
	for second := now.Unix(); second <= now.Unix()+aboutToEnd; second++ {
		for _, p := range d.ends.bySecond[second] {
			if lookups++; lookups <= maxLookups {
				look(p)
			}
		}
	}
	for p := range d.edges[id].claims { // each time from another place
		if lookups++; lookups > maxLookups {
			break
		}
		look(p)
	}
	slices.SortFunc(hits, func(a, b wire.Hit) int { return a.Prefix.Compare(b.Prefix) })
	return hits
}
