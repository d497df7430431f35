package incidents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
)

// Bounds of what operators are shown.
const (
	MostListed = 500
	mostMonths = 24
)

// List returns the incidents that went on after a time, open ones first and then the latest, of one
// shop or, if that is empty, of all. The notices say what may be missing.
func (k *Keeper) List(ctx context.Context, since time.Time, of shop.ID) (list []Summary, notices []string) {
	notices = k.troubles()
	byID := map[string]Summary{}
	for _, rec := range k.journaled(since, &notices) {
		byID[rec.ID] = summaryOf(rec, incident.Ledger(rec, k.settings().Targets))
	}
	stored, err := k.summaries(ctx, since, mostOpen)
	if err != nil {
		notices = append(notices, "the shared store does not answer: these are the incidents that this edge has recorded itself")
	}
	for _, s := range stored {
		byID[s.ID] = s
	}
	k.mu.Lock()
	if k.rec != nil {
		for _, rec := range k.rec.Open() {
			byID[rec.ID] = summaryOf(rec, incident.Ledger(rec, k.settings().Targets))
		}
	}
	k.mu.Unlock()
	list = []Summary{}
	for _, s := range byID {
		if !s.Until.Before(since) && (of == "" || slices.Contains(s.Shops, of)) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Summary) int {
		if a.Closed.IsZero() != b.Closed.IsZero() {
			if a.Closed.IsZero() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Onset.Compare(a.Onset), cmp.Compare(a.ID, b.ID))
	})
	if len(list) > MostListed {
		notices = append(notices, fmt.Sprintf("only the first %d of %d are listed: use a later time, or one shop", MostListed, len(list)))
		list = list[:MostListed]
	}
	return list, notices
}

// troubles says what waits, or is lost, since store or disk do not take it.
func (k *Keeper) troubles() (notices []string) {
	if n, fails, lost := k.store.waiting(); fails || lost > 0 {
		notices = append(notices, fmt.Sprintf("%d incidents are not in the shared store yet, and %d could not be kept there", n, lost))
	}
	if n, fails, lost := k.journal.waiting(); fails || lost > 0 {
		notices = append(notices, fmt.Sprintf("%d incidents are not in this edge's journal yet, and %d could not be written: is its directory there, may the edge write in it, and is there room?", n, lost))
	}
	return notices
}

// monthsSince are the months of a time and all later ones, at most mostMonths.
func (k *Keeper) monthsSince(since time.Time) (months []string) {
	k.mu.Lock()
	at := k.now()
	k.mu.Unlock()
	first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range mostMonths {
		month := first.AddDate(0, -i, 0)
		months = append(months, month.Format(monthLayout))
		if month.Before(since) {
			break
		}
	}
	slices.Reverse(months)
	return months
}

// journaled returns the records of this edge's journal, of a month and all later ones.
func (k *Keeper) journaled(since time.Time, notices *[]string) (records []*incident.Record) {
	for _, month := range k.monthsSince(since) {
		some, skipped, err := k.disk().Incidents(month)
		records = append(records, some...)
		*notices = append(*notices, unreadable(skipped, err)...)
	}
	return records
}

// unreadable says what of the journal cannot be read.
func unreadable(skipped []incident.Skipped, err error) (notices []string) {
	if err != nil {
		notices = append(notices, err.Error())
	}
	if len(skipped) > 0 {
		notices = append(notices, fmt.Sprintf("%d lines of the journal cannot be read, such as line %d of %s", len(skipped), skipped[0].Line, skipped[0].File))
	}
	return notices
}

// ErrUnknown means that there is no such incident.
var ErrUnknown = errors.New("no such incident")

func unknown(id string) error {
	return hint.Errorf("theriac shield incidents", "%w: %.60q", ErrUnknown, id)
}

// Get returns a record and its lines of the ledger. If it is over, these are as they were then.
func (k *Keeper) Get(ctx context.Context, id string) (*incident.Record, []incident.Line, error) {
	if rec, err := k.openCopy(id); rec != nil || err != nil {
		return rec, incident.Ledger(cmp.Or(rec, new(incident.Record)), k.settings().Targets), err
	}
	one, ok, err := k.opts.Store.Kept(ctx, kindRecord, id)
	if ok {
		rec, err := incident.Decode(one.Value)
		if err != nil {
			return nil, nil, err
		}
		return rec, k.linesOf(ctx, rec), nil
	}
	if rec := k.fromJournal(id); rec != nil {
		return rec, k.linesOf(ctx, rec), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return nil, nil, unknown(id)
}

// find returns an incident that this edge records, or nil. mu is held.
func (k *Keeper) find(id string) *incident.Record {
	if k.rec == nil {
		return nil
	}
	return k.rec.Find(id)
}

// openCopy returns a copy of an incident that this edge records; nil: it does not.
func (k *Keeper) openCopy(id string) (*incident.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rec := k.find(id)
	if rec == nil {
		return nil, nil
	}
	data, err := incident.Encode(rec)
	if err != nil {
		return nil, err
	}
	return incident.Decode(data)
}

// fromJournal returns a record of this edge's journal; nil: it has none.
func (k *Keeper) fromJournal(id string) *incident.Record {
	at, err := time.Parse("20060102", id[:min(len(id), 8)])
	if err != nil {
		return nil
	}
	records, _, _ := k.disk().Incidents(at.Format(monthLayout))
	for _, rec := range records {
		if rec.ID == id {
			return rec
		}
	}
	return nil
}

// linesOf returns the lines of the ledger of a record, by the targets of its time if it is over.
func (k *Keeper) linesOf(ctx context.Context, rec *incident.Record) []incident.Line {
	if !rec.Closed.IsZero() {
		if one, ok, _ := k.opts.Store.Kept(ctx, kindLedger, rec.ID); ok {
			return decodeLines(one.Value)
		}
		months := []string{rec.Onset.Format(monthLayout)}
		if last := rec.Until.Format(monthLayout); last != months[0] {
			months = append(months, last)
		}
		var lines []incident.Line
		for _, month := range months {
			some, _, _ := k.disk().Ledger(month)
			lines = append(lines, slices.DeleteFunc(some, func(l incident.Line) bool { return l.Incident != rec.ID })...)
		}
		if len(lines) > 0 {
			return lines
		}
	}
	return incident.Ledger(rec, k.settings().Targets)
}

// Ledger returns the lines of a month such as 2026-11, by shop and onset: those that the store has,
// and those of this edge's journal. The notices say what may be missing.
func (k *Keeper) Ledger(ctx context.Context, month string) (lines []incident.Line, notices []string, err error) {
	begin, err := time.Parse(monthLayout, month)
	if err != nil {
		return nil, nil, fmt.Errorf("not a valid month: %.20q, want one such as 2026-11", month)
	}
	notices = k.troubles()
	type key struct {
		incident string
		shop     shop.ID
		vector   string
	}
	known := map[key]incident.Line{}
	own, skipped, err := k.disk().Ledger(month)
	notices = append(notices, unreadable(skipped, err)...)
	merged := k.mergedIn(month)
	for _, l := range own {
		if !merged[l.Incident] {
			known[key{l.Incident, l.Shop, l.Vector}] = l
		}
	}
	stored, err := k.opts.Store.KeptSince(ctx, kindLedger, begin.AddDate(0, 0, -1), mostLedgers)
	if err != nil {
		notices = append(notices, "the shared store does not answer: these are the lines that this edge has recorded itself")
	}
	for _, r := range stored {
		for _, l := range decodeLines(r.Value) {
			if l.Month == month {
				known[key{l.Incident, l.Shop, l.Vector}] = l
			}
		}
	}
	lines = []incident.Line{}
	for _, l := range known {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b incident.Line) int {
		return cmp.Or(cmp.Compare(a.Shop, b.Shop), a.Onset.Compare(b.Onset), strings.Compare(a.Incident, b.Incident), strings.Compare(a.Vector, b.Vector))
	})
	return lines, notices, nil
}

// mostLedgers is how many incidents the store can have.
const mostLedgers = 4096

// mergedIn returns which incidents of this edge's journal went on as others.
func (k *Keeper) mergedIn(month string) map[string]bool {
	merged := map[string]bool{}
	records, _, _ := k.disk().Incidents(month)
	for _, rec := range records {
		merged[rec.ID] = rec.Merged != ""
	}
	return merged
}
