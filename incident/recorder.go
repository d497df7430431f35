package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

const (
	quietTime = 5 * time.Minute // without a sign of a vector, after which it is over
	forget    = time.Minute     // without a sign, after which a shop without incident is calm
	maxStates = 1024            // shops that may be in trouble at once
)

// Recorder makes records of what it is told. The zero value is ready for use by one goroutine
// at a time; of the edges of a tier, the one that leads feeds it. Nothing is kept of shops
// that are calm.
type Recorder struct {
	shops   map[shop.ID]*state
	open    []*Record
	began   time.Time // the first second
	at      time.Time
	changes []Change
	missed  int
}

// state is a shop in trouble.
type state struct {
	shop     *Shop
	rec      *Record // nil: nothing is open yet
	at, hot  time.Time
	blind    bool // it was in trouble before the Recorder began
	expected Expected
	levels   []LevelChange // while nothing is open
	leftOut  map[string]bool
}

// Step takes in a second. A shop that is in trouble and not among the moments was quiet in it.
// Seconds that were left out are gaps of the records. One that is not after the last is
// ignored.
func (r *Recorder) Step(at time.Time, moments []Moment) []Change {
	at = at.UTC().Truncate(time.Second)
	if !at.After(r.at) {
		return nil
	}
	if r.at, r.changes = at, nil; r.began.IsZero() {
		r.began = at
	}
	if len(r.shops) > 0 {
		r.expire(at)
	}
	for i := range moments {
		r.take(at, &moments[i])
	}
	if len(r.shops) == 0 {
		return r.changes
	}
	for _, id := range slices.Sorted(maps.Keys(r.shops)) {
		if st := r.shops[id]; !st.at.Equal(at) {
			quiet := Moment{Shop: id, Level: shop.Level(st.shop.Level), Expected: st.expected}
			r.take(at, &quiet)
		}
	}
	r.gather(at)
	r.finish(at)
	return r.changes
}

// expire ends what was not told of for so long that nobody can say whether it went on.
func (r *Recorder) expire(at time.Time) {
	maps.DeleteFunc(r.shops, func(_ shop.ID, st *state) bool { return st.rec == nil && at.Sub(st.at) > forget })
	r.open = slices.DeleteFunc(r.open, func(rec *Record) bool {
		if at.Sub(rec.Until) <= quietTime {
			return false
		}
		rec.addGap(Gap{rec.Until.Add(time.Second), at.Add(-time.Second), rec.whyGap()})
		r.end(at, rec)
		return true
	})
}

// end closes an incident.
func (r *Recorder) end(at time.Time, rec *Record) {
	rec.Closed = at
	for _, s := range rec.Shops {
		for _, v := range s.Vectors {
			v.Over = v.LastHeat
		}
		delete(r.shops, s.ID)
	}
	r.changed(Closed, rec, "", "")
}

// take takes in one shop's second.
func (r *Recorder) take(at time.Time, m *Moment) {
	st := r.shops[m.Shop]
	if st == nil {
		if st = r.begin(at, m); st == nil {
			return
		}
	}
	if st.at.Equal(at) || st.rec != nil && !at.After(st.rec.Until) {
		return // told twice, or covered by a record that was taken over
	}
	st.at, st.expected = at, m.Expected
	if m.isHot() {
		st.hot = at
	}
	st.shop.count(at, m)
	if st.rec == nil && m.opens() {
		r.begun(at, st, m)
	}
	if st.rec == nil {
		if at.Sub(st.hot) >= forget {
			delete(r.shops, m.Shop)
		}
		return
	}
	st.rec.Campaign = cmp.Or(st.rec.Campaign, campaignOf(m))
	for i := range m.Sights {
		st.see(at, m, &m.Sights[i])
	}
	r.settle(st)
}

// begin keeps what happens at a shop from the first sign of an attack on.
func (r *Recorder) begin(at time.Time, m *Moment) *state {
	if !m.isHot() {
		return nil
	}
	if len(r.shops) == maxStates {
		r.missed++
		return nil
	}
	if r.shops == nil {
		r.shops = map[shop.ID]*state{}
	}
	st := &state{shop: &Shop{ID: m.Shop, From: at}, blind: at.Equal(r.began)}
	r.shops[m.Shop] = st
	return st
}

// MissedSeconds is for how many seconds of shops in trouble there was no room.
func (r *Recorder) MissedSeconds() int { return r.missed }

// begun opens an incident, or has the shop join the one of its campaign.
func (r *Recorder) begun(at time.Time, st *state, m *Moment) {
	onset := at
	for i := range m.Sights {
		if o := st.onset(at, &m.Sights[i]); o.Before(onset) {
			onset = o
		}
	}
	if rec := r.ofCampaign(campaignOf(m)); rec != nil {
		st.rec = rec
		rec.Shops = append(rec.Shops, st.shop)
		rec.Onset = Earlier(rec.Onset, onset)
		r.changed(Joined, rec, m.Shop, "")
	} else {
		st.rec = &Record{V: Version, ID: idOf(onset, m.Shop), Campaign: campaignOf(m), Onset: onset, Until: at, Shops: []*Shop{st.shop}}
		r.open = append(r.open, st.rec)
		r.changed(Opened, st.rec, m.Shop, "")
	}
	for _, l := range st.levels {
		if !l.At.Before(onset) {
			st.rec.addLevel(l)
		}
	}
	st.levels = nil
}

// idOf names an incident: no shop has a dot in its ID.
func idOf(onset time.Time, id shop.ID) string {
	text := onset.Format("20060102-1504")
	if id == "" {
		return text + ".tier"
	}
	return text + "-" + string(id)
}

// onset is that of the rule, as far as the shop was watched: an earlier one would be of an
// attack before this one. A Recorder that begins in the middle believes the rule.
func (st *state) onset(at time.Time, s *Sight) time.Time {
	onset := s.Onset.UTC().Truncate(time.Second)
	if s.Onset.IsZero() || onset.After(at) {
		return at
	}
	oldest := st.shop.From
	if st.blind {
		oldest = oldest.Add(-maxPast * time.Second)
	}
	return Later(onset, oldest)
}

func (r *Recorder) changed(what What, rec *Record, id shop.ID, vector string) {
	r.changes = append(r.changes, Change{what, rec, id, vector})
}

// finish ends the second for all incidents: gaps, and what is over.
func (r *Recorder) finish(at time.Time) {
	r.open = slices.DeleteFunc(r.open, func(rec *Record) bool {
		if !at.After(rec.Until) {
			return false // it was opened in this second, or taken over from a leader ahead of us
		}
		if at.Sub(rec.Until) > time.Second {
			rec.addGap(Gap{rec.Until.Add(time.Second), at.Add(-time.Second), rec.whyGap()})
		}
		rec.Until, rec.resumed = at, false
		for _, s := range rec.Shops {
			for _, v := range s.Vectors {
				if v.Over.IsZero() && at.Sub(v.LastHeat) >= quietTime {
					v.Over = v.LastHeat
				}
			}
		}
		if !rec.isOver() {
			return false
		}
		r.end(at, rec)
		return true
	})
}

func (r *Record) whyGap() string {
	if r.resumed {
		return "another edge took the lead"
	}
	return "no data came"
}
