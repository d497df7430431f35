package levels

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Change is that another level holds.
type Change struct {
	ID      shop.ID
	Was, Is *State
}

// Registry has the level of each shop. Its methods are safe for concurrent use.
type Registry struct {
	tell func(Change)

	mu       sync.Mutex
	shops    map[shop.ID]*entries
	campaign *Campaign
	due      []shop.ID // of which a change is to be told
	telling  bool
}

// entries are those of one shop, and the level that follows from them.
type entries struct {
	sources
	state atomic.Pointer[State]
	known *State // the state that was told last
	due   bool
}

// NewRegistry returns a registry that calls tell with each change of a level. Calls come one at a
// time; while one lasts, further changes of a shop become one. They may call any method.
func NewRegistry(tell func(Change)) *Registry {
	return &Registry{tell: tell, shops: make(map[shop.ID]*entries)}
}

// Listen has the registry read the entries of a store, from now on.
func (g *Registry) Listen(store counters.Store) {
	store.Listen(counters.Campaign, g.campaignChanged)
	store.Listen(counters.Pin, g.pinChanged)
	store.Listen(counters.Level, g.levelChanged)
}

// Of returns where the state of a shop is kept, for readers that may not wait.
func (g *Registry) Of(id shop.ID) *atomic.Pointer[State] {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &g.of(id).state
}

// AttackedSince returns since when the shop is at Attack or above, by the first of those that
// say so, in force or not; zero: no source does.
func (g *Registry) AttackedSince(id shop.ID) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(id).attackedSince()
}

// HasOlderPin reports whether an edge of the release before has set the level of the shop.
func (g *Registry) HasOlderPin(id shop.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(id).older != nil
}

// Campaign returns the campaign that holds; nil: none.
func (g *Registry) Campaign() *Campaign {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.campaign
}

// of returns the entries of a shop, none if it is new. The caller holds the lock.
func (g *Registry) of(id shop.ID) *entries {
	p := g.shops[id]
	if p == nil {
		p = new(entries)
		p.known = p.resolve(g.campaign)
		p.state.Store(p.known)
		g.shops[id] = p
	}
	return p
}

func (g *Registry) levelChanged(c counters.Change) {
	read(c, parseWatched, func(w *Watched) {
		g.change(shop.ID(c.ID), func(p *entries) {
			p.watched, p.older = w, nil
			if w != nil && c.Priority == counters.Manual {
				p.watched, p.older = nil, &Pin{Level: w.Level, Since: w.Since, Until: c.Until, told: c.Told}
			}
		})
	})
}

func (g *Registry) pinChanged(c counters.Change) {
	read(c, parsePin, func(pin *Pin) {
		g.change(shop.ID(c.ID), func(p *entries) { p.pin = pin })
	})
}

func (g *Registry) campaignChanged(c counters.Change) {
	read(c, parseCampaign, func(campaign *Campaign) {
		g.mu.Lock()
		g.campaign = campaign
		for id, p := range g.shops {
			g.update(id, p)
		}
		g.tellDue()
	})
}

// read calls use with what an entry says from now on, nil for nothing.
func read[T any](c counters.Change, parse func(*counters.Entry) (*T, error), use func(*T)) {
	switch {
	case c.Holds():
		if said, err := parse(&c.Entry); err == nil { // else set by an edge of another release
			use(said)
		}
	case c.Over():
		use(nil)
	}
}

// change has something else be said of a shop.
func (g *Registry) change(id shop.ID, how func(*entries)) {
	g.mu.Lock()
	p := g.of(id)
	how(p)
	g.update(id, p)
	g.tellDue()
}

// update puts in force what the entries of a shop make of it now. The caller holds the lock, and calls tellDue.
func (g *Registry) update(id shop.ID, p *entries) {
	is := p.resolve(g.campaign)
	p.state.Store(is)
	switch {
	case p.due:
	case is.Level == p.known.Level:
		p.known = is
	default:
		p.due = true
		g.due = append(g.due, id)
	}
}

// tellDue tells changes, unless that is under way: then the caller that does it comes to these
// also. It releases the lock, which is not held while tell is called.
func (g *Registry) tellDue() {
	defer g.mu.Unlock()
	if g.telling {
		return
	}
	g.telling = true
	defer func() { g.telling = false }()
	for len(g.due) > 0 {
		id := g.due[0]
		g.due = g.due[1:]
		p := g.shops[id]
		was, is := p.known, p.state.Load()
		p.known, p.due = is, false
		if was.Level == is.Level {
			continue // and back, before it was told
		}
		g.mu.Unlock()
		g.tell(Change{ID: id, Was: was, Is: is})
		g.mu.Lock()
	}
}
