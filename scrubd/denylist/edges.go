package denylist

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
)

// EdgeID names an edge. The same name under two users is two edges.
type EdgeID struct {
	UID  int
	Name string
}

// edge is what is known of an edge.
type edge struct {
	lastSeen time.Time
	holds    map[netip.Prefix]bool
}

const (
	maxEdges   = 64
	forgetEdge = time.Hour // without a request, if it holds nothing

	// What is looked up for one answer. An edge asks every second; one with more
	// bans learns of each less often.
	maxLookups = 4096
	// Seconds before its end in which a ban is always looked up: the edge is about
	// to decide whether to renew it.
	aboutToEnd = 5
)

// ErrTooManyEdges is why an edge is turned away.
var ErrTooManyEdges = fmt.Errorf("%d edges are known already", maxEdges)

// ApplyBans carries out what an edge asks for, within its limits, and tells it what
// its bans have dropped.
func (l *List) ApplyBans(id EdgeID, bans []client.PushedBan, now time.Time) (answer client.SyncResponse, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.register(id, now); err != nil {
		return answer, err
	}
	answer.Instance = l.instance
	for _, b := range bans {
		why := ""
		if left := b.Until.Sub(now); left <= 0 {
			why = l.lift(id, b.Prefix)
			l.counts.Lifted++
		} else {
			b.Until = now.Add(left) // by the monotonic clock: the time of day may be set
			why = l.hold(id, b, now)
			l.counts.Set++
		}
		if why != "" {
			l.counts.Refused++
			answer.Refused = append(answer.Refused, client.Refused{Prefix: b.Prefix, Reason: why})
		}
	}
	answer.Hits = l.hits(id, now)
	return answer, nil
}

// register notes the request of an edge, and makes room for a new one.
func (l *List) register(id EdgeID, now time.Time) error {
	e := l.edges[id]
	if e == nil && len(l.edges) >= maxEdges {
		maps.DeleteFunc(l.edges, func(_ EdgeID, e *edge) bool { return now.Sub(e.lastSeen) > forgetEdge && len(e.holds) == 0 })
		if len(l.edges) >= maxEdges {
			return ErrTooManyEdges
		}
	}
	if e == nil {
		e = &edge{holds: make(map[netip.Prefix]bool)}
		l.edges[id] = e
	}
	e.lastSeen = now
	return nil
}

// hold denies a prefix for an edge, and returns why it did not.
func (l *List) hold(id EdgeID, b client.PushedBan, now time.Time) string {
	if why := l.neverDeny.refuse(b.Prefix, l.allowed, widestByEdge, true); why != "" {
		return why
	}
	e := l.entries[b.Prefix]
	if e == nil || !e.byEdges() {
		switch {
		case l.pushed >= l.limits.MaxEntries:
			return fmt.Sprintf("above max_entries: there are %d bans", l.pushed)
		case !l.shops.take(b.Shop, now):
			return fmt.Sprintf("above per_shop: this shop has caused more than %s", l.limits.PerShop)
		}
	}
	if e == nil {
		e = new(entry)
	}
	was := e.byEdges()
	h := hold{edge: id, until: b.Until, cause: b.Cause, shop: b.Shop}
	if old := e.holdOf(id); old != nil {
		h.counted = old.counted
	} else {
		h.counted, _ = l.droppedBy(b.Prefix)
	}
	if longest := now.Add(l.limits.MaxTTL); h.until.After(longest) {
		h.until = longest
	}
	before, inherited := e.edges, e.inherited
	e.inherited = time.Time{} // an edge has renewed it
	e.edges = append(slices.DeleteFunc(slices.Clone(before), func(h hold) bool { return h.edge == id }), h)
	if err := l.syncKernel(b.Prefix, e); err != nil {
		e.edges, e.inherited = before, inherited
		if errors.Is(err, scrub.ErrFull) {
			return scrub.ErrFull.Error()
		}
		return err.Error()
	}
	l.entries[b.Prefix] = e
	l.edges[id].holds[b.Prefix] = true
	if !was {
		l.pushed++
	}
	return ""
}

// droppedBy is what the prefix's own entry has dropped so far.
func (l *List) droppedBy(p netip.Prefix) (uint64, bool) {
	if l.entries[p] == nil {
		return 0, false // a wider entry would answer for it
	}
	return l.kernel.Dropped(p)
}

// lift ends an edge's hold. What others want stays.
func (l *List) lift(id EdgeID, p netip.Prefix) string {
	e := l.entries[p]
	if e == nil || !e.byEdges() {
		return ""
	}
	e.release(id)
	delete(l.edges[id].holds, p)
	e.inherited = time.Time{} // which edge pushed it before the start is not known: any may lift it
	if !e.byEdges() {
		l.pushed--
	}
	if err := l.syncKernel(p, e); err != nil {
		return err.Error()
	}
	return ""
}

// hits are the packets that an edge's bans have dropped since it was told last.
func (l *List) hits(id EdgeID, now time.Time) (hits []client.Hit) {
	look := func(p netip.Prefix) {
		e := l.entries[p]
		if e == nil {
			return
		}
		h := e.holdOf(id)
		if h == nil {
			return
		}
		packets, listed := l.kernel.Dropped(p)
		if listed && packets > h.counted {
			hits = append(hits, client.Hit{Prefix: p, Packets: packets - h.counted})
		}
		if listed {
			h.counted = packets
		}
	}
	lookups := 0
	for second := now.Unix(); second <= now.Unix()+aboutToEnd; second++ {
		for _, p := range l.expiry.bySecond[second] {
			if lookups++; lookups <= maxLookups {
				look(p)
			}
		}
	}
	for p := range l.edges[id].holds { // in random order, so that all get their turn
		if lookups++; lookups > maxLookups {
			break
		}
		look(p)
	}
	slices.SortFunc(hits, func(a, b client.Hit) int { return a.Prefix.Compare(b.Prefix) })
	return hits
}

// EdgeState is what is known of an edge that pushes bans.
type EdgeState struct {
	EdgeID
	Bans     int
	LastSeen time.Time
}

// EdgeStates lists the edges, sorted.
func (l *List) EdgeStates() (all []EdgeState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, e := range l.edges {
		all = append(all, EdgeState{EdgeID: id, Bans: len(e.holds), LastSeen: e.lastSeen})
	}
	slices.SortFunc(all, func(a, b EdgeState) int { return cmp.Or(strings.Compare(a.Name, b.Name), a.UID-b.UID) })
	return all
}
