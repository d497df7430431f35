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

// Book has the level of each shop. Its methods are safe for concurrent use.
type Book struct {
	tell func(Change)

	mu       sync.Mutex
	shops    map[shop.ID]*page
	campaign *Campaign
	due      []shop.ID // of which a change is to be told
	telling  bool
}

// page is what the book has of one shop.
type page struct {
	said
	state atomic.Pointer[State]
	known *State // the state that was told last
	due   bool
}

// NewBook returns a book that calls tell with each change of a level. Calls come one at a
// time; while one lasts, further changes of a shop become one. They may call any method.
func NewBook(tell func(Change)) *Book {
	return &Book{tell: tell, shops: make(map[shop.ID]*page)}
}

// Listen has the book read the entries of a store, from now on.
func (b *Book) Listen(store counters.Store) {
	store.Listen(counters.Campaign, b.campaignChanged)
	store.Listen(counters.Pin, b.pinChanged)
	store.Listen(counters.Level, b.levelChanged)
}

// Of returns where the state of a shop is kept, for readers that may not wait.
func (b *Book) Of(id shop.ID) *atomic.Pointer[State] {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &b.page(id).state
}

// AttackedSince returns since when the shop is at Attack or above, by the first of those that
// say so, in force or not; zero: nobody does.
func (b *Book) AttackedSince(id shop.ID) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page(id).attackedSince()
}

// HasOlderPin reports whether an edge of the release before has set the level of the shop.
func (b *Book) HasOlderPin(id shop.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page(id).older != nil
}

// Campaign returns the campaign that holds; nil: none.
func (b *Book) Campaign() *Campaign {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.campaign
}

// page returns the page of a shop, a new one if there is none. The caller holds the lock.
func (b *Book) page(id shop.ID) *page {
	p := b.shops[id]
	if p == nil {
		p = new(page)
		p.known = p.resolve(b.campaign)
		p.state.Store(p.known)
		b.shops[id] = p
	}
	return p
}

func (b *Book) levelChanged(c counters.Change) {
	read(c, parseWatched, func(w *Watched) {
		b.change(shop.ID(c.ID), func(p *page) {
			p.watched, p.older = w, nil
			if w != nil && c.Priority == counters.Manual {
				p.watched, p.older = nil, &Pin{Level: w.Level, Since: w.Since, Until: c.Until, told: c.Told}
			}
		})
	})
}

func (b *Book) pinChanged(c counters.Change) {
	read(c, parsePin, func(pin *Pin) {
		b.change(shop.ID(c.ID), func(p *page) { p.pin = pin })
	})
}

func (b *Book) campaignChanged(c counters.Change) {
	read(c, parseCampaign, func(campaign *Campaign) {
		b.mu.Lock()
		b.campaign = campaign
		for id, p := range b.shops {
			b.update(id, p)
		}
		b.tellDue()
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
func (b *Book) change(id shop.ID, how func(*page)) {
	b.mu.Lock()
	p := b.page(id)
	how(p)
	b.update(id, p)
	b.tellDue()
}

// update has a page say what holds now. The caller holds the lock, and calls tellDue.
func (b *Book) update(id shop.ID, p *page) {
	is := p.resolve(b.campaign)
	p.state.Store(is)
	switch {
	case p.due:
	case is.Level == p.known.Level:
		p.known = is
	default:
		p.due = true
		b.due = append(b.due, id)
	}
}

// tellDue tells changes, unless that is under way: then the caller that does it comes to these
// also. It releases the lock, which is not held while tell is called.
func (b *Book) tellDue() {
	defer b.mu.Unlock()
	if b.telling {
		return
	}
	b.telling = true
	defer func() { b.telling = false }()
	for len(b.due) > 0 {
		id := b.due[0]
		b.due = b.due[1:]
		p := b.shops[id]
		was, is := p.known, p.state.Load()
		p.known, p.due = is, false
		if was.Level == is.Level {
			continue // and back, before it was told
		}
		b.mu.Unlock()
		b.tell(Change{ID: id, Was: was, Is: is})
		b.mu.Lock()
	}
}
