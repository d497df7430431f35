package shield

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// assets are the places, each a directory and an ending, from which shops have served
// pictures, styles, scripts and fonts. Edges learn them from the shops' answers and tell
// each other, since a path alone is a claim that anybody can make.
type assets struct {
	served *keyset.Set
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

func newAssets() assets {
	room := maxPlaces * keyset.EntryBytes
	return assets{keyset.New(room), keyset.New(room), make(chan netkey.Key, 256)}
}

// FindPlace returns the key of a place in a shop, and whether the shop has served assets
// from there.
func (a *App) FindPlace(place []byte, now time.Time) (first netkey.Key, serves bool) {
	known := &a.runtime.assets
	for i, hasher := range a.runtime.hashers() {
		key := hasher.Place(place)
		if i == 0 {
			first = key
		}
		if known.pages.Left(&key, now) > 0 {
			return first, false
		}
		serves = serves || known.served.Left(&key, now) > 0
	}
	return first, serves
}

// LearnAsset notes that a shop has served an asset from a place. It returns at once.
func (a *App) LearnAsset(id shop.ID, place netkey.Key, now time.Time) {
	rt := a.runtime
	if rt.assets.served.Left(&place, now) > placeLife-placeAgain ||
		!rt.store.Take(rt.hasher().Place([]byte(id)), &placesLearned, now).Allowed() {
		return
	}
	if rt.assets.served.Renew(&place, now, placeLife, placeAgain) {
		select {
		case rt.assets.news <- place:
		default: // another edge learns it from an answer of its own
		}
	}
}

// LearnPage notes that a shop has served a page from a place, which from then on serves no
// assets at this edge. It is for places without an ending: their pictures and pages differ
// in nothing.
func (a *App) LearnPage(place netkey.Key, now time.Time) {
	a.runtime.assets.pages.Renew(&place, now, placeLife, placeAgain)
}

// tellAssets has the store tell other edges what this one learns.
func (rt *runtime) tellAssets(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case place := <-rt.assets.news:
			// If the store is lost it is told later; if it has no room, edges learn alone.
			_ = rt.store.Set(ctx, counters.Asset, hex.EncodeToString(place[:]), "", placeLife, counters.Automatic)
		}
	}
}

// assetEntryChanged is called by the store with each place that an edge has learned.
func (rt *runtime) assetEntryChanged(c counters.Change) {
	id, err := hex.DecodeString(c.ID)
	if err != nil || len(id) != len(netkey.Key{}) || !c.Holds() {
		return // set by an edge of another release, or over
	}
	place := netkey.Key(id)
	rt.assets.served.Renew(&place, time.Now(), time.Until(c.Until), placeAgain)
}
