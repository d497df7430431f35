package counters

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// BanRequest asks for a ban. Told is not read: it is now.
type BanRequest struct {
	ban.Ban

	// The shop that asks. How many bans it makes is counted under its name,
	// also where the ban is for all shops.
	At shop.ID

	// The neighbourhood of who is to be banned, Hasher.Ban of the /24 or /48. If
	// customers were seen there (Vouch) there is no ban. Not read of a ban by
	// people.
	Guard netkey.Key

	// How many bans the shop may make in a minute, at all edges. 0 is none.
	// Not read of a ban by people.
	PerMinute int
}

// Why there is no ban.
var (
	ErrVouched = errors.New("customers came from there lately")
	ErrCapped  = errors.New("the shop has made as many bans as it may in a minute")
	ErrNoRoom  = errors.New("there is no room for another ban")
	ErrNoBan   = errors.New("this is no ban")
)

const (
	maxBans    = 65536
	maxBanLife = 366 * 24 * time.Hour
	maxRule    = 64 // bytes of a rule's name; what is longer is cut

	// An end that is so little later extends no ban: it is not worth telling
	// everybody.
	sameEnd = time.Second
)

// check refuses what is no ban.
func (q *BanRequest) check(now time.Time) error {
	left := q.Until.Sub(now)
	switch {
	case q.Cause >= ban.Cause(ban.Causes):
		return fmt.Errorf("cause %d does not exist: %w", q.Cause, ErrNoBan)
	case left <= 0:
		return fmt.Errorf("it would have been over %s ago: %w", -left, ErrNoBan)
	case left > maxBanLife:
		return fmt.Errorf("it would hold for %s, the longest is a year: %w", left, ErrNoBan)
	}
	return nil
}

// row makes the entry of the list that was asked for.
func (q *BanRequest) row(now time.Time) *row {
	r := &row{Ban: q.Ban, asked: q}
	r.Told, r.Rule = now, ruleName(q.Rule)
	return r
}

// ruleName cuts a name to what is kept of it.
func ruleName(name string) string {
	if len(name) > maxRule {
		name = name[:maxRule]
		for !utf8.ValidString(name) && name != "" {
			name = name[:len(name)-1]
		}
	}
	return strings.ReplaceAll(name, "\n", " ")
}

// people reports whether people decided this: neither guarded nor capped, and
// never replaced for want of room.
func (r *row) people() bool { return r.Cause == ban.Manual && !r.lifted }

// beats reports whether r is to stand where old does. What people say beats
// what machines do, and what they say later what they said before; of two
// machines the one that bans for longer is right. A ban from before it was
// lifted stays lifted. ban.lua decides the same for all edges.
func (r *row) beats(old *row, now time.Time) bool {
	switch {
	case old == nil || old.over(now):
		return true
	case r.lifted || old.lifted || r.people():
		return !r.Told.Before(old.Told)
	case old.people():
		return false
	}
	return r.Until.Sub(old.Until) >= sameEnd
}

// over reports whether the entry no longer matters.
func (r *row) over(now time.Time) bool { return !now.Before(r.Until) }
