// Package levels decides at which level a shop is, from what people, the watch and a campaign
// say of it, and has the form in which edges tell each other.
//
// It belongs to the app shield and knows no Caddy. What people set outranks the rest. An entry
// that this release cannot parse changes nothing; if the store is lost, entries hold until
// they end.
package levels

import (
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Source says where a level comes from.
type Source string

// The sources.
const (
	Nobody     Source = "" // no source sets the shop's level, so it is calm
	ByPeople   Source = "people"
	ByWatch    Source = "watch"
	ByCampaign Source = "campaign"
)

// Sources are all of them, in the order of their numbers in metrics.
var Sources = []Source{Nobody, ByWatch, ByPeople, ByCampaign}

// State is the level of a shop, and where it comes from.
type State struct {
	Level shop.Level
	By    Source

	// When it last rose to Attack or above; zero below. Where the watch raised it that is
	// shortly before the attack began.
	Since time.Time

	// When By ends, unless it is set again; zero: when somebody ends it.
	Until time.Time

	// What the watch has decided, also where it is overridden.
	Watched shop.Level

	// What people have set, also where the watch is above it; nil: nothing.
	Pin *Pin
}

// sources are those of the level of one shop.
type sources struct {
	watched *Watched
	pin     *Pin
	older   *Pin // by an edge of the release before, in the place of the watch's
}

// people returns what people have set: of two pins the later one.
func (s *sources) people() *Pin {
	if s.pin == nil || s.older != nil && s.older.told.After(s.pin.told) {
		return s.older
	}
	return s.pin
}

// attackedSince returns since when the shop is at Attack or above, by the first of those that
// say so, in force or not; zero: nobody does.
func (s *sources) attackedSince() (since time.Time) {
	consider := func(level shop.Level, at time.Time) {
		if level >= shop.Attack && !at.IsZero() && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	if s.watched != nil {
		consider(s.watched.Level, s.watched.Since)
	}
	for _, pin := range []*Pin{s.pin, s.older} {
		if pin != nil {
			consider(pin.Level, pin.Since)
		}
	}
	return since
}

// resolve returns the level that holds: an exact pin, or else the highest of the sources.
func (s *sources) resolve(campaign *Campaign) *State {
	is := &State{Pin: s.people()}
	if s.watched != nil {
		is.Watched = s.watched.Level
	}
	raise := func(level shop.Level, by Source, until time.Time) {
		if level > is.Level {
			is.Level, is.By, is.Until = level, by, until
		}
	}
	if is.Pin != nil && !is.Pin.AtLeast {
		is.Level, is.By, is.Until = is.Pin.Level, ByPeople, is.Pin.Until
	} else {
		if s.watched != nil {
			raise(s.watched.Level, ByWatch, s.watched.until)
		}
		if is.Pin != nil {
			raise(is.Pin.Level, ByPeople, is.Pin.Until)
		}
		if campaign != nil {
			raise(shop.Raised, ByCampaign, campaign.Until)
		}
	}
	if is.Level >= shop.Attack {
		is.Since = s.attackedSince()
	}
	return is
}
