// Package records keeps records for all edges of a tier for weeks: what happened, when, as
// bytes that only the caller reads.
//
// It stands on the tier, whose store has them; an edge has no copy. Each record belongs to a
// kind, has an id and a time, and ends by itself. There is room for a fixed number of each
// kind; the oldest give way. If the store is lost, nothing is kept and nothing found, and the
// error says so: the caller tries again. Without a tier the process keeps them, within the
// same bounds.
package records

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed keep.lua
var keepLua string

//go:embed list.lua
var listLua string

//go:embed read.lua
var readLua string

var (
	keep = tier.NewTimed(keepLua)
	list = tier.NewTimed(listLua)
	read = tier.NewTimed(readLua)
)

// Bounds of records.
const (
	Max      = 4096 // of a kind
	MaxValue = 64 << 10
	MaxID    = 200
	MaxLife  = 90 * 24 * time.Hour
)

const (
	pageIDs   = 256     // records in one answer
	pageBytes = 1 << 20 // after which there are no more
	patience  = time.Second
)

// Why a record is not kept.
var (
	ErrOld     = errors.New("there is no room, and all others are younger: it was too late to keep it")
	ErrFenced  = errors.New("an edge that leads since has kept it: this edge no longer leads, and is to leave it")
	ErrInvalid = errors.New("it would not be accepted by any store")
)

// Record is one record.
type Record struct {
	ID    string // which one of its kind
	Value []byte
	At    time.Time // of what it tells; to the millisecond

	// (optional) The token of the lease by which this edge leads. A record that was kept with a
	// higher one is not replaced. Of a record that is read: the highest it was kept with.
	Token int64
}

// Records are those that the edges of a tier share. Methods are safe for concurrent use.
type Records struct {
	tier  *tier.Tier // nil: this process is every edge
	local memory
}

// New makes the records of an edge. t is nil where one process is every edge.
func New(t *tier.Tier) *Records { return &Records{tier: t} }

// Keep keeps a record for life, in place of the one of that kind with its id. A kind is a word.
func (r *Records) Keep(ctx context.Context, kind string, one Record, life time.Duration) error {
	err := check(&one, life)
	switch {
	case err != nil:
	case r.tier == nil:
		err = r.local.keep(kind, one, life, time.Now())
	default:
		err = r.send(ctx, kind, &one, life)
	}
	if err != nil {
		return fmt.Errorf("records: keeping %s %.200q: %w", kind, one.ID, err)
	}
	return nil
}

// check refuses what would not fit.
func check(one *Record, life time.Duration) error {
	switch {
	case one.ID == "" || len(one.ID) > MaxID:
		return fmt.Errorf("its id has %d bytes, and may have 1 to %d: %w", len(one.ID), MaxID, ErrInvalid)
	case len(one.Value) > MaxValue:
		return fmt.Errorf("it has %d bytes, and may have %d, so leave some out: %w", len(one.Value), MaxValue, ErrInvalid)
	case life <= 0 || life > MaxLife:
		return fmt.Errorf("it is to last %s, and may last up to %s: %w", life, MaxLife, ErrInvalid)
	case one.At.UnixMilli() < 0 || one.Token < 0:
		return fmt.Errorf("its time or token is before 1970: %w", ErrInvalid)
	}
	return nil
}

func (r *Records) send(ctx context.Context, kind string, one *Record, life time.Duration) error {
	args := []any{one.ID, one.Value, one.At.UnixMilli(), tier.WholeMillis(life).Milliseconds(), one.Token, Max}
	said := ""
	err := r.run(ctx, keep, kind, args, func(reply tier.Reply) (err error) {
		said, err = reply.Text()
		return err
	})
	switch said {
	case "fenced":
		return ErrFenced
	case "old":
		return ErrOld
	}
	return err
}

// Kept returns a record, if there is one.
func (r *Records) Kept(ctx context.Context, kind, id string) (one Record, ok bool, err error) {
	if r.tier == nil {
		one, ok = r.local.get(kind, id, time.Now())
		return one, ok, nil
	}
	found, _, err := r.read(ctx, kind, []string{id})
	if err != nil {
		return one, false, fmt.Errorf("records: reading %s %.200q: %w", kind, id, err)
	}
	if len(found) == 0 {
		return one, false, nil
	}
	return found[0], true, nil
}

// KeptSince returns the records of that time and later, the latest first, and no more than
// most.
func (r *Records) KeptSince(ctx context.Context, kind string, since time.Time, most int) (all []Record, err error) {
	if most <= 0 {
		return nil, nil
	}
	if r.tier == nil {
		return r.local.since(kind, since, most, time.Now()), nil
	}
	var ids []string
	err = r.run(ctx, list, kind, []any{since.UnixMilli(), most}, func(reply tier.Reply) (err error) {
		ids, err = reply.StringSlice()
		return err
	})
	for err == nil && len(ids) > 0 {
		var some []Record
		n := 0
		if some, n, err = r.read(ctx, kind, ids[:min(len(ids), pageIDs)]); err == nil {
			all, ids, err = append(all, some...), ids[n:], ctx.Err()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("records: listing %s: %w", kind, err)
	}
	return all, nil
}

// read returns the records of the first n ids.
func (r *Records) read(ctx context.Context, kind string, ids []string) (found []Record, n int, err error) {
	args := []any{pageBytes}
	for _, id := range ids {
		args = append(args, id)
	}
	err = r.run(ctx, read, kind, args, func(reply tier.Reply) error {
		texts, err := reply.StringSlice()
		if err == nil && (len(texts) == 0 || len(texts) > len(ids)) {
			err = fmt.Errorf("%d answers to %d questions", len(texts), len(ids))
		}
		if err != nil {
			return err
		}
		n = len(texts)
		for i, text := range texts {
			if one, ok := parse(ids[i], text); ok {
				found = append(found, one)
			}
		}
		return nil
	})
	return found, n, err
}

// parse reads what the store has; "" and what is malformed is no record.
func parse(id, text string) (one Record, ok bool) {
	token, rest, _ := strings.Cut(text, " ")
	at, value, ok := strings.Cut(rest, " ")
	millis, err := strconv.ParseInt(at, 10, 64)
	fence, wrong := strconv.ParseInt(token, 10, 64)
	return Record{id, []byte(value), time.UnixMilli(millis), fence}, ok && err == nil && wrong == nil
}

func (r *Records) run(ctx context.Context, s *tier.Script, kind string, args []any, answer func(tier.Reply) error) error {
	if r.tier.Lost() {
		return fmt.Errorf("%w: try again when it is shared", tier.ErrLost)
	}
	keys := []string{tier.Key("records:at:" + kind), tier.Key("records:" + kind), tier.Key("records:ends:" + kind), tier.ClockKey}
	return r.tier.Run(ctx, max(patience, r.tier.Patience()), s, keys, args, answer)
}
