package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// Level records that the level of a shop changed. It may be told before or after the second in
// which the incident opens; without one, it is forgotten with the shop's trouble.
func (r *Recorder) Level(c LevelChange) {
	st := r.shops[c.Shop]
	switch {
	case st == nil:
	case st.rec != nil:
		st.rec.addLevel(c)
	case len(st.levels) < maxVectors:
		st.levels = append(st.levels, c)
	}
}

func (r *Record) addLevel(c LevelChange) {
	c.By, c.Why, c.At = clean(c.By, maxName), clean(c.Why, maxWords), second(c.At)
	r.Levels = bounded(r, r.Levels, c, maxLevels)
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// bounded appends to a list, or counts what has no room in it.
func bounded[T any](r *Record, list []T, entry T, most int) []T {
	if len(list) >= most {
		r.LeftOut++
		return list
	}
	return append(list, entry)
}

// AddAct records what an operator did. It removes addresses, paths and values from the text, and
// reports whether there was room.
func (r *Record) AddAct(a Act) bool {
	before := len(r.People)
	r.People = bounded(r, r.People, Act{second(a.At), clean(a.Who, maxName), clean(a.Text, maxWords)}, maxPeople)
	return len(r.People) > before
}

// AddNote records what an operator noted, also in a record that is closed. It does with the text
// what AddAct does.
func (r *Record) AddNote(a Act) bool {
	before := len(r.Notes)
	r.Notes = bounded(r, r.Notes, Act{second(a.At), clean(a.Who, maxName), clean(a.Text, maxNote)}, maxNotes)
	return len(r.Notes) > before
}

func (r *Record) addEdge(name string) {
	if name = clean(name, maxName); name != "" && !slices.Contains(r.Edges, name) {
		r.Edges = bounded(r, r.Edges, name, maxEdges)
	}
}

// addGap records a gap. If there is no room, the last gap becomes longer.
func (r *Record) addGap(g Gap) {
	g.Why = clean(g.Why, maxName)
	if n := len(r.Gaps); n == maxGaps {
		last := &r.Gaps[n-1]
		if g.To.After(last.To) {
			last.To = g.To
		}
		r.LeftOut++
		return
	}
	r.Gaps = append(r.Gaps, g)
}

// Open returns the incidents that are open, by their onset.
func (r *Recorder) Open() []*Record { return slices.Clone(r.open) }

// Of returns the open incident of a shop, or nil.
func (r *Recorder) Of(id shop.ID) *Record {
	if st := r.shops[id]; st != nil {
		return st.rec
	}
	return nil
}

// Find returns the open incident with this ID, or nil.
func (r *Recorder) Find(id string) *Record {
	for _, rec := range r.open {
		if rec.ID == id {
			return rec
		}
	}
	return nil
}

// Edges records which edges counted, in every incident that is open.
func (r *Recorder) Edges(names ...string) {
	for _, rec := range r.open {
		for _, name := range names {
			rec.addEdge(name)
		}
	}
}

// Alerted records that a receiver accepted an alert of the incident.
func (r *Recorder) Alerted(id string, at time.Time) {
	rec := r.Find(id)
	if rec == nil {
		return
	}
	at = second(at)
	for _, s := range rec.Shops {
		for _, v := range s.Vectors {
			if v.Alerted.IsZero() && !v.Detected.After(at) {
				v.Alerted = at
			}
		}
	}
}

// Sources records how many clients a vector has had so far, and which subnets sent most.
func (r *Recorder) Sources(id shop.ID, vector watch.Vector, s *Sources) {
	st := r.shops[id]
	if st == nil || st.rec == nil {
		return
	}
	if v := st.shop.vector(vector.String()); v != nil {
		v.Sources = max(v.Sources, s.Clients())
		v.Nets = s.Nets()
	}
}

// Resume goes on with an open record that another leader stored. Seconds after its last that
// are not told to Step are a gap.
func (r *Recorder) Resume(rec *Record) error {
	if !rec.Closed.IsZero() {
		return fmt.Errorf("incident %s ended at %s: only an open one can be resumed", rec.ID, rec.Closed.Format(time.RFC3339))
	}
	for _, s := range rec.Shops {
		if other := r.Of(s.ID); other != nil {
			return fmt.Errorf("incident %s: its shop %q already has the open incident %s", rec.ID, s.ID, other.ID)
		}
	}
	if r.shops == nil {
		r.shops = map[shop.ID]*state{}
	}
	for _, s := range rec.Shops {
		s.judge.resume(rec.Until, s.Window)
		s.Window = nil
		r.shops[s.ID] = &state{shop: s, rec: rec, at: rec.Until, hot: rec.Until}
	}
	rec.resumed = true
	r.open = append(r.open, rec)
	return nil
}
