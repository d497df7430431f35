package incidents

import (
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/incident"
)

// catchUp records the seconds that came since the last one that was recorded.
func (k *Keeper) catchUp() {
	if k.rec == nil || k.paused {
		return
	}
	for _, s := range k.recent.after(k.stepped) {
		k.stepped = s.At
		for _, l := range s.Levels {
			if rec := k.rec.Of(l.Shop); rec == nil || s.At.After(rec.Until) { // otherwise it is in what was stored
				k.rec.Level(l)
			}
		}
		changes := k.rec.Step(s.At, s.Moments)
		k.rec.Edges(s.Edges...)
		k.takeActs()
		k.note(changes)
		for _, l := range s.Levels {
			if rec := k.rec.Of(l.Shop); rec != nil {
				delete(k.saved, rec.ID)
			}
		}
	}
	open := k.rec.Open()
	for _, rec := range open {
		k.tellOf(rec)
		if at, ok := k.saved[rec.ID]; !ok || k.stepped.Sub(at) >= saveEvery {
			k.save(rec)
		}
	}
	openGauge.Set(float64(len(open)))
}

// note does what changes of incidents ask for.
func (k *Keeper) note(changes []incident.Change) {
	for _, c := range changes {
		switch c.What {
		case incident.Opened:
			k.tellers[c.Record.ID] = new(teller)
		case incident.Merged:
			if into := k.rec.Find(c.Record.Merged); into != nil && k.tellers[into.ID] == nil {
				k.tellers[into.ID] = new(teller)
			}
			k.finish(c.Record)
		case incident.Closed:
			k.finish(c.Record)
		}
		delete(k.saved, c.Record.ID)
	}
}

// remember is for how long an edge knows what it has ended without the store.
const remember = time.Hour

// finish keeps and tells what has ended.
func (k *Keeper) finish(rec *incident.Record) {
	lines := incident.Ledger(rec, k.settings().Targets)
	k.tellEnd(rec, lines)
	observe(rec)
	k.save(rec)
	if maps.DeleteFunc(k.ended, func(_ string, at time.Time) bool { return k.age(at) > remember }); k.alone > 0 {
		k.ended[rec.ID] = k.stepped
	}
	delete(k.tellers, rec.ID)
	delete(k.saved, rec.ID)
}

// save has a record kept: in the store and, if it has ended, in the journal. While the store is
// lost, what is open stays in the memory of this edge.
func (k *Keeper) save(rec *incident.Record) {
	k.saved[rec.ID] = k.stepped
	ended := !rec.Closed.IsZero()
	if !ended && k.alone > 0 {
		return
	}
	data, err := incident.Encode(rec)
	if err != nil {
		k.opts.Log().Error("an incident cannot be kept", zap.Error(err))
		return
	}
	lines := incident.Ledger(rec, k.settings().Targets)
	item := kept{Summary: summaryOf(rec, lines), data: data, token: k.token, late: k.alone > 0}
	if ended && rec.Merged == "" {
		item.lines = lines
	}
	k.store.put(rec.ID, item)
	if ended {
		k.journal.put(rec.ID, entry{data: data})
	}
}

// recordsOf returns the open incidents of a shop, or all if it is empty.
func (k *Keeper) recordsOf(shopID string) []*incident.Record {
	return slices.DeleteFunc(k.rec.Open(), func(rec *incident.Record) bool {
		return shopID != "" && !slices.ContainsFunc(rec.Shops, func(s *incident.Shop) bool { return string(s.ID) == shopID })
	})
}

// age is how long ago something was, by the seconds that are told.
func (k *Keeper) age(at time.Time) time.Duration { return k.now().Sub(at) }
