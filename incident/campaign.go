package incident

import (
	"cmp"
	"slices"
	"time"
)

// campaignOf is the campaign of a moment, unless its name is not one.
func campaignOf(m *Moment) string {
	if m.Shop == "" || !aDay.MatchString(m.Campaign) {
		return ""
	}
	return m.Campaign
}

// ofCampaign returns the open incident of a campaign that has room for another shop.
func (r *Recorder) ofCampaign(campaign string) *Record {
	if campaign == "" {
		return nil
	}
	for _, rec := range r.open {
		if rec.Campaign == campaign && rec.hasRoom(1, 0) {
			return rec
		}
	}
	return nil
}

// hasRoom reports whether so many more shops and vectors fit into the record.
func (r *Record) hasRoom(shops, vectors int) bool {
	return len(r.Shops)+shops <= MaxShops && r.vectors()+vectors <= maxAllKinds
}

// gather makes one incident of those whose shops turn out to be of one campaign. The first
// goes on; what has no room in it stays an incident of its own.
func (r *Recorder) gather(at time.Time) {
	firsts := map[string]*Record{}
	slices.SortStableFunc(r.open, func(a, b *Record) int {
		return cmp.Or(a.Onset.Compare(b.Onset), cmp.Compare(a.ID, b.ID))
	})
	r.open = slices.DeleteFunc(r.open, func(rec *Record) bool {
		if rec.Campaign == "" {
			return false
		}
		first := firsts[rec.Campaign]
		if first == nil || !first.hasRoom(len(rec.Shops), rec.vectors()) {
			firsts[rec.Campaign] = rec
			return false
		}
		r.merge(at, first, rec)
		return true
	})
}

// merge moves what rec has to first. A stub of it stays, for those that know its ID.
func (r *Recorder) merge(at time.Time, first, rec *Record) {
	for _, s := range rec.Shops {
		r.shops[s.ID].rec = first
	}
	first.Shops = append(first.Shops, rec.Shops...)
	slices.SortStableFunc(first.Shops, func(a, b *Shop) int { return a.From.Compare(b.From) })
	for _, l := range rec.Levels {
		first.addLevel(l)
	}
	for _, a := range rec.People {
		first.AddAct(a)
	}
	for _, n := range rec.Notes {
		first.AddNote(n)
	}
	for _, g := range rec.Gaps {
		first.addGap(g)
	}
	for _, e := range rec.Edges {
		first.addEdge(e)
	}
	first.LeftOut += rec.LeftOut
	*rec = Record{V: Version, ID: rec.ID, Campaign: rec.Campaign, Onset: rec.Onset, Until: at, Closed: at, Merged: first.ID}
	r.changed(Merged, rec, "", "")
}
