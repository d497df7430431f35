package counters

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/shop/ban"
)

//go:embed ban.lua
var banLua string
var banScript = redis.NewScript(banLua)

const (
	// All keys of the list are where the beats are: one script has them all, and
	// the heartbeat reads the version.
	bansKey    = "theriac:bans:{" + beatsKey + "}"
	endsKey    = "theriac:bans:ends:{" + beatsKey + "}"
	changesKey = "theriac:bans:changes:{" + beatsKey + "}"
	vouchedKey = "theriac:bans:vouched:{" + beatsKey + "}"
	capsKey    = "theriac:bans:caps:{" + beatsKey + "}"

	bansChannel = "theriac:bans"
)

// tellBans asks the store for bans, and tells it of liftings. What it cannot
// be asked holds here, until it is back and can be.
func (r *Redis) tellBans(rows []*row) (err error) {
	for some := range slices.Chunk(rows, maxSpread) {
		var answers []string
		if err == nil {
			answers, err = r.askBans(some)
		}
		now := time.Now()
		for i, row := range some {
			if err != nil {
				r.bans.unanswered(row)
			} else if unread := r.bans.answered(row, answers[i], now); unread != nil {
				r.bans.unanswered(row)
			}
		}
		r.bans.deliver()
	}
	return err
}

// askBans is one command. It returns what the store says to each row.
func (r *Redis) askBans(rows []*row) (answers []string, err error) {
	if r.lost.Load() {
		return nil, errLost
	}
	args, now := []any{bansChannel, maxBans}, time.Now()
	for _, row := range rows {
		guard, at, enough := "", "", 0
		if q := row.asked; q != nil && !row.lifted && !row.people() {
			guard, at, enough = keyText(&q.Guard), string(q.At), q.PerMinute
		}
		cause, text := row.cause()
		age, life := max(0, now.Sub(row.Told).Milliseconds()), wholeMillis(row.Until.Sub(now)).Milliseconds()
		args = append(args, row.place().id(), cause, text, row.stamp, age, life, guard, at, enough)
	}
	err = r.call(context.Background(), settlePatience*r.opts.Deadline, func(ctx context.Context) (err error) {
		r.commands.Add(1)
		keys := []string{bansKey, endsKey, changesKey, vouchedKey, capsKey}
		answers, err = banScript.Run(ctx, r.client, keys, args...).StringSlice()
		if err == nil && len(answers) != len(rows) {
			err = fmt.Errorf("telling of %d bans: %d answers", len(rows), len(answers))
		}
		return err
	})
	return answers, err
}

// answered takes in what the store says to the row: what now stands, or why
// there is no ban.
func (b *bans) answered(r *row, answer string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unask(r)
	word, rest, _ := strings.Cut(answer, " ")
	switch word {
	case "vouched":
		if left, err := strconv.ParseInt(rest, 10, 64); err == nil && r.asked != nil {
			b.vouchers.learn(&r.asked.Guard, now, millis(left))
		}
		b.refused(r, ErrVouched)
	case "capped":
		if r.asked != nil {
			b.caps.exhaust(r.asked.At, r.asked.PerMinute, now)
		}
		b.refused(r, ErrCapped)
	case "full":
		b.refused(r, ErrNoRoom)
	default:
		stands, err := parseBan(answer, now)
		if err != nil {
			return err
		}
		b.take(stands, r, now)
		return nil
	}
	b.drop(r) // if it held here while the store was lost
	return nil
}

// refused has listeners told that there is no such ban. The caller holds the
// lock.
func (b *bans) refused(r *row, why error) {
	b.announce(topic{place: r.place(), refused: true}, ban.Event{Ban: r.Ban, Kind: ban.Refused, Err: b.caps.refuse(why)})
}

// unanswered has a row hold here that the store could not be asked for.
func (b *bans) unanswered(r *row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unask(r)
	old := b.standing(r.place())
	if old != r && !r.over(time.Now()) && r.beats(old, r.Told) && !b.put(r) {
		b.refused(r, ErrNoRoom)
	}
}

// unask notes that the store is no longer being asked. The caller holds the
// lock.
func (b *bans) unask(r *row) {
	if b.asking[r.place()] == r {
		delete(b.asking, r.place())
	}
}

// take takes in what the store says. mine is the row that it is the answer to,
// if it is one. The caller holds the lock.
func (b *bans) take(r, mine *row, now time.Time) {
	old := b.standing(r.place())
	switch {
	case old == nil, old == mine:
	case old.asked != nil: // which of the two is to stand, the store will say
		if old.beats(r, now) {
			return
		}
	case r.version <= old.version:
		old.round = b.round
		return
	}
	if old != nil && r.lifted { // listeners hear what it is that was lifted
		r.Cause, r.Rule = old.Cause, old.Rule
	}
	r.round = b.round
	b.put(r)
}
