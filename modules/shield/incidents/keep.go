package incidents

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
)

// The kinds of records in the store, each by the ID of the incident. Summaries are found by the
// last second that they cover, so what is open is among the first; records and lines of the ledger
// by the onset.
const (
	kindRecord  = "incident"
	kindSummary = "incident-summary"
	kindLedger  = "incident-ledger"
)

const (
	maxKept  = 256  // records that wait for the store: at most 16 MiB
	mostOpen = 1024 // summaries in which open incidents are looked for
)

// kept is what the store is to keep of an incident.
type kept struct {
	Summary
	data  []byte
	lines []incident.Line
	token int64
	late  bool // recorded without the store
}

// keep keeps one in the store. What cannot be kept for good is done with.
func (k *Keeper) keep(ctx context.Context, one kept) error {
	err := k.keepAll(ctx, &one)
	switch {
	case errors.Is(err, counters.ErrFenced):
		k.fence(&one)
		return nil
	case errors.Is(err, counters.ErrOld):
		k.opts.Log().Error("an incident is not kept in the store", zap.String("incident", one.ID), zap.Error(err))
		return nil
	}
	return err
}

func (k *Keeper) keepAll(ctx context.Context, one *kept) error {
	if one.late {
		if other, err := k.isKnown(ctx, one); err != nil || other != "" {
			if err == nil {
				k.opts.Log().Info("an incident was recorded by several edges while the store was lost, and counts as the one that another edge has kept",
					zap.String("incident", one.ID), zap.String("kept", other))
				k.pointTo(one, other)
			}
			return err
		}
	}
	summary, err := json.Marshal(&one.Summary)
	if err != nil {
		return fmt.Errorf("encoding the summary of incident %s: %w", one.ID, err)
	}
	records := []struct {
		kind  string
		value []byte
		at    time.Time
	}{{kindSummary, summary, one.Until}, {kindRecord, one.data, one.Onset}}
	if !one.Closed.IsZero() { // an open one that cannot be found would be lost, one that is found in vain is not
		records[0], records[1] = records[1], records[0]
	}
	if len(one.lines) > 0 {
		lines, err := encodeLines(one.lines)
		if err != nil {
			return err
		}
		r := records[0]
		r.kind, r.value = kindLedger, lines
		records = append(records, r)
	}
	for _, r := range records {
		record := counters.Record{ID: one.ID, Value: r.value, At: r.at, Token: one.token}
		if err := k.opts.Store.Keep(ctx, r.kind, record, k.settings().Keep); err != nil {
			return err
		}
	}
	return nil
}

// isKnown returns which incident in the store is the same as one that was recorded without it;
// empty: none is. One that only this edge has kept is not another.
func (k *Keeper) isKnown(ctx context.Context, one *kept) (other string, err error) {
	records, err := k.opts.Store.KeptSince(ctx, kindSummary, one.Onset, mostOpen)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		var s Summary
		if json.Unmarshal(r.Value, &s) != nil || s.Merged != "" || r.ID == one.ID && r.Token <= one.token && one.token > 0 {
			continue
		}
		if r.ID == one.ID || one.overlaps(&s) {
			return r.ID, nil
		}
	}
	return "", nil
}

// pointTo has the journal of this edge say that an incident counts as another.
func (k *Keeper) pointTo(one *kept, other string) {
	if one.ID == other {
		return // the store's counts, and has the same ID
	}
	rec, err := incident.Decode(one.data)
	if err != nil {
		return
	}
	stub := &incident.Record{V: incident.Version, ID: rec.ID, Onset: rec.Onset, Until: rec.Until, Closed: rec.Until, Merged: other}
	if data, err := incident.Encode(stub); err == nil {
		k.journal.put(one.ID+"/merged", entry{data: data})
	}
}

// fence ends the recording: an edge that leads since has kept the incident.
func (k *Keeper) fence(one *kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fenced = max(k.fenced, one.token); one.token == k.token {
		k.opts.Log().Info("another edge leads and records incidents since", zap.String("incident", one.ID))
		k.stop()
	}
}

// encodeLines writes lines of the ledger as JSON lines.
func encodeLines(lines []incident.Line) ([]byte, error) {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	for i := range lines {
		if err := to.Encode(&lines[i]); err != nil {
			return nil, fmt.Errorf("encoding a line of the ledger: %w", err)
		}
	}
	return out.Bytes(), nil
}

// decodeLines reads such lines, and leaves out what breaks their rules.
func decodeLines(data []byte) (lines []incident.Line) {
	for line := range bytes.Lines(data) {
		if l, err := incident.DecodeLine(line); err == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// summaries returns those in the store of incidents that went on after a time, the latest first.
func (k *Keeper) summaries(ctx context.Context, since time.Time, most int) (list []Summary, err error) {
	if since.IsZero() {
		since = time.UnixMilli(0)
	}
	records, err := k.opts.Store.KeptSince(ctx, kindSummary, since, most)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		var s Summary
		if json.Unmarshal(r.Value, &s) == nil && cmp.Or(s.ID, r.ID) == r.ID {
			list = append(list, s)
		}
	}
	return list, nil
}
