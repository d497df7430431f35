// Package bans is the list of bans: a kind of the replicated map with an index that
// requests read without a lock, and an admission that bans no subnet in which
// customers were seen, and no more in a minute than a shop may.
//
// It stands on replica and tier. A ban is asked for in the background and holds as
// soon as the store has admitted it; if the store is lost it holds at this edge,
// checked by what this edge knows, and is lifted if the store then refuses it.
package bans

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Kind is the name of the kind of entries that are bans.
const Kind = "ban"

// Request asks for a ban. Told is not read: it is now.
type Request struct {
	ban.Ban

	// The shop that asks. How many bans it makes is counted under its name,
	// also where the ban is for all shops.
	At shop.ID

	// The subnet of the address that is to be banned, Hasher.Ban of the /24 or
	// /48. If customers were seen there (Protect) there is no ban. Not read of a
	// manual ban.
	Subnet netkey.Key

	// How many bans the shop may make in a minute, at all edges. 0 is none.
	// Not read of a manual ban.
	PerMinute int
}

// Why there is no ban.
var (
	ErrProtected = errors.New("customers came from this subnet lately")
	ErrCapped    = errors.New("the shop has made as many bans as it may in a minute")
	ErrFull      = errors.New("there is no room for another ban")
	ErrInvalid   = errors.New("not a valid ban")
)

const (
	maxBans = 65536
	maxLife = 366 * 24 * time.Hour
	maxRule = 64 // bytes of a rule's name; a longer one is cut
)

// Counts count why bans were not made.
type Counts struct {
	Protected int64 `json:"protected"` // customers came from there
	Capped    int64 `json:"capped"`    // too many in a minute
	Full      int64 `json:"no_room"`   // the list, or the queue, is full
}

// List is the list of bans of one edge. Its methods are safe for concurrent use.
type List struct {
	replicas  *replica.Map
	index     index
	protected subnets
	quota     quota

	countProtected, countCapped, countFull atomic.Int64
}

// New makes an empty list. t is nil where one process is every edge. The list is
// of use once it is Kind of a map and has joined that.
func New(t *tier.Tier) *List { return &List{protected: subnets{tier: t}} }

// Kind returns how the list registers with the map.
func (l *List) Kind() replica.Kind {
	return replica.Kind{
		Name: Kind, Max: maxBans, Rank: replica.Longest, Admission: (*admission)(l),
		Parse: parse, Apply: func(old, data any) { l.index.apply(node(old), node(data)) },
	}
}

// Join has the list live in the map that Kind was given to.
func (l *List) Join(m *replica.Map) { l.replicas, l.protected.wake = m, m.Wake }

// Ban asks for a ban. It returns at once: a nil error means that it was asked for,
// not that it holds; a refusal by the store comes to listeners.
func (l *List) Ban(q Request) error {
	now := time.Now()
	if err := q.check(now); err != nil {
		return fmt.Errorf("counters: banning: %w", err)
	}
	if q.Cause != ban.Manual && l.protected.has(&q.Subnet, now) {
		if _, banned := l.Banned(q.Key, q.Shop, now); !banned { // what a flood asks for again and again
			return fmt.Errorf("counters: banning: %w", l.count(ErrProtected))
		}
	}
	r := replica.Request{
		Entry: replica.Entry{ID: id(q.Key, q.Shop), Value: value(&q.Ban)},
		TTL:   q.Until.Sub(now),
	}
	if q.Cause == ban.Manual {
		r.Priority = replica.Manual
	} else {
		r.Claim = &claim{q.Subnet, q.At, q.PerMinute}
	}
	err := l.replicas.Request(Kind, r)
	if errors.Is(err, replica.ErrFull) {
		err = ErrFull
	}
	if err != nil {
		return fmt.Errorf("counters: banning: %w", l.count(err))
	}
	return nil
}

// Unban lifts all bans of key, at every edge, automatic or manual. It returns at once;
// an edge that cannot be reached hears of it later. client goes to listeners: its counts
// are to be forgotten. Without a known ban the others are told
// nevertheless: this edge may not know of one that was made just now.
func (l *List) Unban(key, client netkey.Key) {
	ids := []string{id(key, "")}
	if known := l.index.of(&key); len(known) > 0 {
		ids = ids[:0]
		for _, b := range known {
			ids = append(ids, id(b.Key, b.Shop))
		}
	}
	for _, id := range ids {
		_ = l.replicas.Request(Kind, replica.Request{ // a lifting fails only for want of room: then there is nothing to lift
			Entry: replica.Entry{ID: id, Value: clientText(&client), Priority: replica.Manual}, Delete: true,
		})
	}
}

// Banned returns the ban of key that holds at the shop, or at all shops. For an
// empty shop it returns bans at all shops only. It never waits and allocates
// nothing.
func (l *List) Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool) {
	return l.index.banned(&key, at, now)
}

// Bans returns the bans that hold, as far as this edge knows, in no order.
func (l *List) Bans() []ban.Ban { return l.index.all(time.Now()) }

// ListenBans calls back with each known ban, then with each change, as
// replica.Map.Listen does.
func (l *List) ListenBans(call func(ban.Event)) (stop func()) {
	return l.replicas.Listen(Kind, func(c replica.Change) { call(event(&c)) })
}

// event makes an event of a change.
func event(c *replica.Change) ban.Event {
	n := node(c.Data)
	e := ban.Event{Ban: n.Ban, Kind: ban.Set, Err: c.Err}
	switch c.Kind {
	case replica.Deleted:
		e.Kind, e.Client = ban.Lifted, n.client
	case replica.Expired:
		e.Kind = ban.Expired
	case replica.Refused:
		e.Kind = ban.Refused
	}
	return e
}

// Status returns how many bans hold, of how many bans and liftings the other edges
// do not know yet, and why bans were not made by this edge.
func (l *List) Status() (holding, pending int, refused Counts) {
	_, pending = l.replicas.Count(Kind)
	return int(l.index.live.Load()), pending, Counts{l.countProtected.Load(), l.countCapped.Load(), l.countFull.Load()}
}

// check refuses what is not a valid ban.
func (q *Request) check(now time.Time) error {
	left := q.Until.Sub(now)
	switch {
	case q.Cause >= ban.Cause(ban.Causes):
		return fmt.Errorf("cause %d does not exist: %w", q.Cause, ErrInvalid)
	case left <= 0:
		return fmt.Errorf("it would have been over %s ago: %w", -left, ErrInvalid)
	case left > maxLife:
		return fmt.Errorf("it would hold for %s, the longest is a year: %w", left, ErrInvalid)
	}
	return nil
}

// count counts why there was no ban, and returns it.
func (l *List) count(why error) error {
	switch {
	case errors.Is(why, ErrProtected):
		l.countProtected.Add(1)
	case errors.Is(why, ErrCapped):
		l.countCapped.Add(1)
	case errors.Is(why, ErrFull):
		l.countFull.Add(1)
	}
	return why
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
