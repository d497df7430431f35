// Package places is where shops serve their assets from: a place is a directory and an ending.
// Edges learn places from the shops' answers and tell each other, since a path alone is a claim
// that anybody can make.
//
// It belongs to the app shield. If the store is lost, edges learn alone.
package places

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Places are those of all shops, as far as an edge knows them. It outlives reloads.
type Places struct {
	store   counters.Store
	hashers func() []*netkey.Hasher // of all secrets whose keys may still be in the store

	served *keyset.Set     // places from which pictures, styles, scripts and fonts were served
	pages  *keyset.Set     // places without an ending from which pages were served
	news   chan netkey.Key // places that the store is to be told of
}

const (
	maxPlaces  = 16384               // of all shops
	placeLife  = 30 * 24 * time.Hour // of a place from which nothing is served any longer
	placeAgain = 24 * time.Hour      // how soon the store is told of one again
)

// placesLearned is how many places of one shop are learned: a shop that serves a picture
// whatever it is asked for must not displace the places of others.
var placesLearned = counters.Limit{Interval: time.Minute, Burst: 128}

// New returns places of which none is known, and listens to what other edges learn. The first
// of the hashers makes keys.
func New(store counters.Store, hashers func() []*netkey.Hasher) *Places {
	const room = maxPlaces * keyset.EntryBytes
	p := &Places{
		store: store, hashers: hashers,
		served: keyset.New(room), pages: keyset.New(room), news: make(chan netkey.Key, 256),
	}
	store.Listen(counters.Asset, p.entryChanged)
	return p
}

// Find returns the key of a place in a shop, and whether the shop has served assets from
// there.
func (p *Places) Find(place []byte, now time.Time) (first netkey.Key, serves bool) {
	for i, hasher := range p.hashers() {
		key := hasher.Place(place)
		if i == 0 {
			first = key
		}
		if p.pages.Left(&key, now) > 0 {
			return first, false
		}
		serves = serves || p.served.Left(&key, now) > 0
	}
	return first, serves
}

// LearnAsset notes that a shop has served an asset from a place. It returns at once.
func (p *Places) LearnAsset(id shop.ID, place netkey.Key, now time.Time) {
	if p.served.Left(&place, now) > placeLife-placeAgain ||
		!p.store.Take(p.hashers()[0].Place([]byte(id)), &placesLearned, now).Allowed() {
		return
	}
	if p.served.Renew(&place, now, placeLife, placeAgain) {
		select {
		case p.news <- place:
		default: // another edge learns it from an answer of its own
		}
	}
}

// LearnPage notes that a shop has served a page from a place, which from then on serves no
// assets at this edge. It is for places without an ending: their pictures and pages differ
// in nothing.
func (p *Places) LearnPage(place netkey.Key, now time.Time) {
	p.pages.Renew(&place, now, placeLife, placeAgain)
}

// Tell has the store tell other edges what this one learns, until ctx ends.
func (p *Places) Tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case place := <-p.news:
			// If the store is lost it is told later; if it has no room, edges learn alone.
			_ = p.store.Set(ctx, counters.Asset, hex.EncodeToString(place[:]), "", placeLife, counters.Automatic)
		}
	}
}

// entryChanged is called by the store with each place that an edge has learned.
func (p *Places) entryChanged(c counters.Change) {
	id, err := hex.DecodeString(c.ID)
	if err != nil || len(id) != len(netkey.Key{}) || !c.Holds() {
		return // set by an edge of another release, or over
	}
	place := netkey.Key(id)
	p.served.Renew(&place, time.Now(), time.Until(c.Until), placeAgain)
}
