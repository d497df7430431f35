package incidents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/incident"
)

// noteFor is how long the edge that records may take to take in a note of another edge.
const noteFor = 5 * time.Second

// errFull means that a record has no room for a note.
var errFull = errors.New("the incident has as many notes as fit")

// Note adds what an operator says of an incident, open or over, and keeps it.
func (k *Keeper) Note(ctx context.Context, id string, a incident.Act) error {
	a = cleanNote(a)
	if done, err := k.noteHere(id, a); done || err != nil {
		return err
	}
	one, ok, err := k.opts.Store.Kept(ctx, kindRecord, id)
	if err != nil {
		return fmt.Errorf("adding a note to incident %s: %w", id, err)
	}
	var rec *incident.Record
	if ok {
		if rec, err = incident.Decode(one.Value); err != nil {
			return fmt.Errorf("adding a note to incident %s: %w", id, err)
		}
	} else if rec = k.fromJournal(id); rec == nil {
		return unknown(id)
	}
	switch {
	case rec.Merged != "":
		return hint.Errorf("theriac shield incidents note "+rec.Merged, "incident %s went on as %s", id, rec.Merged)
	case rec.Closed.IsZero():
		return k.noteThere(ctx, id, a)
	case !rec.AddNote(a):
		return fmt.Errorf("adding a note to incident %s: %w", id, errFull)
	}
	data, err := incident.Encode(rec)
	if err != nil {
		return err
	}
	if ok {
		if err := k.opts.Store.Keep(ctx, kindRecord, counters.Record{ID: id, Value: data, At: one.At, Token: one.Token}, k.settings().Keep); err != nil {
			return fmt.Errorf("adding a note to incident %s: %w", id, err)
		}
	}
	k.journal.put(id+"/note", entry{data: data, again: true})
	return nil
}

// noteHere adds a note to an incident that this edge records.
func (k *Keeper) noteHere(id string, a incident.Act) (done bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec := k.find(id)
	if rec == nil {
		return false, nil
	}
	if !rec.AddNote(a) {
		return false, fmt.Errorf("adding a note to incident %s: %w", id, errFull)
	}
	if k.alone == 0 {
		k.save(rec)
	}
	return true, nil
}

// noteThere sends a note to the edge that records an incident, and waits until it has kept it.
func (k *Keeper) noteThere(ctx context.Context, id string, a incident.Act) error {
	text, err := json.Marshal(message{From: k.self, Note: &note{Incident: id, Act: a}})
	if err != nil {
		return fmt.Errorf("adding a note to incident %s: %w", id, err)
	}
	ctx, cancel := context.WithTimeout(ctx, noteFor)
	defer cancel()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	k.opts.Store.Say(channel, string(text))
	for {
		one, ok, err := k.opts.Store.Kept(ctx, kindRecord, id)
		if ok && err == nil {
			if rec, err := incident.Decode(one.Value); err == nil && hasAct(rec.Notes, a) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return hint.New(fmt.Errorf("adding a note to incident %s: the edge that records it has not taken it: %w", id, cmp.Or(err, ctx.Err())), "add it once more in a minute")
		case <-look.C:
		}
	}
}
