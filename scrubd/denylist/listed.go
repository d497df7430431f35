package denylist

import (
	"net/netip"
	"slices"
	"time"
)

// Listed is one entry of a list, for operators.
type Listed struct {
	Prefix  netip.Prefix `json:"prefix"`
	Owner   string       `json:"owner"` // File, Manual or Edges
	By      []string     `json:"by,omitempty"`
	Why     string       `json:"why,omitempty"`
	Until   time.Time    `json:"until,omitzero"` // zero: it does not end
	Packets uint64       `json:"packets"`        // dropped or passed by the entry
}

// Denied lists the deny list, sorted by prefix.
func (l *List) Denied() []Listed {
	all := l.wanted()
	for i := range all { // without the lock: edges need not wait
		all[i].Packets, _ = l.kernel.Dropped(all[i].Prefix)
	}
	slices.SortFunc(all, func(a, b Listed) int { return a.Prefix.Compare(b.Prefix) })
	return all
}

// wanted lists the deny list, without packets.
func (l *List) wanted() []Listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Listed, 0, len(l.entries))
	for p, e := range l.entries {
		k := e.inKernel(p)
		one := Listed{Prefix: p, Owner: OwnerName(k.Owner), Until: k.Until}
		for _, h := range e.edges {
			one.By = append(one.By, "edge "+h.edge.Name)
			one.Why = h.cause.String()
			if h.shop != "" {
				one.Why += " of " + string(h.shop)
			}
		}
		slices.Sort(one.By)
		if e.manual != nil {
			one.By, one.Why = append(one.By, e.manual.By), e.manual.Why
		}
		if len(one.By) == 0 && !e.inherited.IsZero() {
			one.By, one.Why = []string{"an edge, before scrubd started"}, e.cause.String()
		}
		all = append(all, one)
	}
	return all
}

// Allowed lists the allow list, sorted by prefix.
func (l *List) Allowed() ([]Listed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed, err := l.kernel.Allowed()
	if err != nil {
		return nil, err
	}
	all := []Listed{}
	for _, a := range allowed {
		one := Listed{Prefix: a.Prefix, Owner: File, Packets: a.Packets}
		if a, ok := l.allowedBy[a.Prefix]; ok {
			one.Owner, one.By, one.Why, one.Until = Manual, []string{a.By}, a.Why, a.Until
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Listed) int { return a.Prefix.Compare(b.Prefix) })
	return all, nil
}

// Count counts the denied prefixes by owner, and what edges have pushed.
func (l *List) Count() (byOwner map[string]int, counts Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byOwner = map[string]int{File: 0, Manual: 0, Edges: 0}
	for p, e := range l.entries {
		byOwner[OwnerName(e.inKernel(p).Owner)]++
	}
	return byOwner, l.counts
}
