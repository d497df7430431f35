package incidents

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
)

// Step takes in a second. It returns at once.
func (k *Keeper) Step(s *Second) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return
	}
	k.last.Store(new(k.opts.Settings()))
	own := *s
	own.At = k.second(s.At)
	k.recent.add(&own)
	switch s.Lead.Role {
	case counters.Leading:
		k.lead(s.Lead.Token)
	case counters.Alone:
		k.goAlone()
	default:
		k.follow(s.Lead.Leader)
	}
	k.catchUp()
	if k.alone == 0 && k.loading == 0 {
		k.recent.trim(spanUsual)
	}
}

// second is the whole second that a tick counts as. Ticks come a second apart, give or take some
// milliseconds: two that fall into one second are not one, and no second is left out between two.
func (k *Keeper) second(at time.Time) time.Time {
	second := at.UTC().Truncate(time.Second)
	next, since := k.now().Add(time.Second), at.Sub(k.exact)
	if n := second.Sub(next); !k.exact.IsZero() && since > 0 && since < 3*time.Second/2 && n.Abs() <= time.Second {
		second = next
	}
	k.exact = at
	return second
}

// lead has this edge record from now on, if it does not do so yet.
func (k *Keeper) lead(token int64) {
	k.paused = false
	switch {
	case token <= k.fenced: // which it does not know yet
		k.stop()
	case token == k.token && k.rec != nil && k.alone == 0:
	case k.loading != token:
		k.loading = token
		k.loads.Go(func() { k.takeOver(token) })
	}
}

// goAlone has this edge record without the store: at once if it led, otherwise if the store is
// lost for a while. An edge that has just started does not know the store yet.
func (k *Keeper) goAlone() {
	k.paused, k.loading = false, 0
	k.alone++
	if k.rec == nil && k.alone > startAlone {
		k.rec, k.stepped, k.muted = new(incident.Recorder), time.Time{}, true
	}
}

// follow ends the recording as soon as another edge leads.
func (k *Keeper) follow(leader string) {
	k.loading = 0
	if leader == "" {
		k.paused = true
		return
	}
	k.stop()
}

// stop forgets what this edge has recorded: another one goes on with it.
func (k *Keeper) stop() {
	if k.rec != nil && k.alone > 0 {
		for _, rec := range k.rec.Open() {
			k.abandon(rec)
		}
	}
	k.rec, k.paused, k.alone, k.muted = nil, false, 0, false
	clear(k.tellers)
	clear(k.saved)
	openGauge.Set(0)
}

// takeOver loads the incidents that are open, and goes on with them.
func (k *Keeper) takeOver(token int64) {
	var stored []opened
	for try := range loadTries {
		var err error
		if stored, err = k.readOpen(k.ctx); err == nil {
			break
		}
		if k.ctx.Err() != nil {
			return
		}
		if try == loadTries-1 {
			k.opts.Log().Error("this edge leads and cannot read which incidents are open, so it begins new ones", zap.Error(err))
			break
		}
		select {
		case <-k.ctx.Done():
			return
		case <-time.After(firstWait):
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loading != token || k.closed {
		return // it leads no longer
	}
	k.loading, k.loaded, k.alone = 0, true, 0
	k.adopt(token, stored)
	k.catchUp()
	k.store.retry()
}

// loadTries are 5 s: a second is enough unless the store is about to be lost.
const loadTries = 10

// opened is an open record as it was stored.
type opened struct {
	*incident.Record
	token int64
}

// adopt goes on with what was stored, and with what this edge itself has recorded meanwhile. Where
// both have an incident of a shop, what another leader has stored since goes on.
func (k *Keeper) adopt(token int64, stored []opened) {
	var own []*incident.Record
	if k.rec != nil {
		own = k.rec.Open()
	}
	next, resumed := new(incident.Recorder), false
	for _, s := range stored {
		if _, ended := k.ended[s.ID]; s.token <= k.token && (ended || hasID(own, s.ID)) {
			continue // nobody has led since, and this edge is ahead of the store
		}
		if err := next.Resume(s.Record); err != nil {
			k.opts.Log().Error("an open incident is not gone on with", zap.Error(err))
			continue
		}
		resumed = true
		k.tellers[s.ID] = &teller{resumed: true}
	}
	k.token, k.muted = token, false
	switch {
	case !resumed && k.rec != nil:
	case !resumed:
		k.rec, k.stepped = next, time.Time{}
	default:
		for _, rec := range own {
			k.join(next, rec)
		}
		k.rec, k.stepped = next, time.Time{}
	}
	clear(k.saved) // all are kept with this token
	for i := range k.acts {
		k.acts[i].taken = false // what was stored may be older
	}
}

func hasID(records []*incident.Record, id string) bool {
	return slices.ContainsFunc(records, func(rec *incident.Record) bool { return rec.ID == id })
}

// join moves an incident of this edge to the next Recorder, unless its shops have another there.
func (k *Keeper) join(next *incident.Recorder, rec *incident.Record) {
	for _, s := range rec.Shops {
		if other := next.Of(s.ID); other != nil {
			if other.ID != rec.ID {
				k.abandon(rec)
			}
			return
		}
	}
	data, err := incident.Encode(rec)
	var own *incident.Record
	if err == nil {
		own, err = incident.Decode(data)
	}
	if err == nil {
		err = next.Resume(own)
	}
	if err != nil {
		k.opts.Log().Error("an open incident is not gone on with", zap.Error(err))
	}
}

// readOpen reads the records that are open: of the store and, once, of the journal, in which an
// edge that ends writes what it cannot keep elsewhere.
func (k *Keeper) readOpen(ctx context.Context) (open []opened, err error) {
	summaries, err := k.summaries(ctx, time.Time{}, mostOpen)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, s := range summaries {
		known[s.ID] = true
		if !s.Closed.IsZero() {
			continue
		}
		one, ok, err := k.opts.Store.Kept(ctx, kindRecord, s.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		rec, err := incident.Decode(one.Value)
		if err != nil {
			k.opts.Log().Error("an open incident cannot be read, and is not gone on with", zap.String("incident", s.ID), zap.Error(err))
			continue
		}
		if rec.Closed.IsZero() {
			open = append(open, opened{rec, one.Token})
		}
	}
	for _, rec := range k.leftOpen() {
		if !known[rec.ID] {
			open = append(open, opened{rec, 0})
		}
	}
	return open, nil
}

// leftOpen returns what the journal says to be open, of this month and the last.
func (k *Keeper) leftOpen() (open []*incident.Record) {
	k.mu.Lock()
	first := !k.loaded
	at := k.now()
	k.mu.Unlock()
	if !first {
		return nil
	}
	for _, month := range []string{at.AddDate(0, 0, -at.Day()).Format(monthLayout), at.Format(monthLayout)} {
		records, _, err := k.disk().Incidents(month)
		if err != nil {
			k.opts.Log().Error("the journal of incidents cannot be read", zap.Error(err))
		}
		for _, rec := range records {
			if rec.Closed.IsZero() {
				open = append(open, rec)
			}
		}
	}
	return open
}

// now is the second that was told last.
func (k *Keeper) now() time.Time {
	if n := len(k.recent.seconds); n > 0 {
		return k.recent.seconds[n-1].At.UTC()
	}
	return k.opts.Store.Time(time.Now()).UTC()
}

// handOver keeps what is open where the next leader or process finds it.
func (k *Keeper) handOver() {
	if k.rec == nil {
		return
	}
	for _, rec := range k.rec.Open() {
		if st := k.opts.Store.Status(); st.Kind == "redis" && st.Shared {
			k.save(rec)
			continue
		}
		if data, err := incident.Encode(rec); err == nil {
			k.journal.put(rec.ID, entry{data: data})
		}
	}
}
