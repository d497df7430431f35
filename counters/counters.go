// Package counters counts for every edge of a tier together.
//
// A decision never waits for the store: an edge spends on credit and settles
// with Redis in the background, and only zones marked exact ask each time. If
// Redis is lost or slow each edge goes on with its share of every limit, so a
// lost store neither opens nor closes the shops. Without Redis the same
// methods count in this process. Facts and bans are known to every edge, and
// go on to hold where the store is lost.
package counters

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Limit is how much one key may take. It is shared by all keys of a zone and
// must not be copied.
type Limit struct {
	// Time between two tokens at the limit's rate.
	Interval time.Duration

	// How many tokens a key that was quiet may take at once. At least 1.
	Burst int64

	// Spread is set for keys that many edges meet at the same time, such as a
	// whole shop. Other keys, such as a client's address, stick to one edge:
	// anycast routes a source to one place.
	Spread bool

	// Slack is how many tokens one edge may spend before it has settled them
	// with the store. All edges together admit at most the limit plus the
	// slack of each; what was spent is always charged, so the excess is paid
	// back by later refusals. 0 means Burst, or for spread keys Burst ÷ live
	// edges, but no less than the rate gives in 200 ms: settling takes up to
	// 100 ms, and a smaller slack would keep a key below its limit.
	Slack int64

	// Patience is how many refusals in a row a key may ignore before it is
	// refused for the time of Penalty; 0 means no penalty. The penalty doubles,
	// up to eight times, for a key that goes on ignoring it. The row ends when
	// the key stays quiet for as long as its burst takes to refill.
	Patience uint32
	Penalty  time.Duration

	// Settled counts tokens that the store was told of, Over those among them
	// that lay beyond the limit.
	Settled, Over atomic.Int64
}

// Decision is the answer to one Take.
type Decision struct {
	// Wait is zero if the token was taken, else how long until trying again
	// can succeed.
	Wait time.Duration

	// Remaining is how many more tokens could be taken now.
	Remaining int64

	// Refusals is how many times in a row this key was refused, this one
	// included, by this edge.
	Refusals uint32

	// Penalized is set while the key is refused for having ignored refusals.
	Penalized bool

	// Began is set with the refusal that begins a penalty: for who acts on
	// penalties and not on each refusal.
	Began bool
}

// Allowed reports whether the token was taken.
func (d Decision) Allowed() bool { return d.Wait == 0 }

// Store counts. Its methods are safe for concurrent use.
type Store interface {
	// Take takes one token from the bucket of key, now, without waiting for
	// anything. Most callers want this one.
	Take(key netkey.Key, lim *Limit, now time.Time) Decision

	// TakeExact is Take for limits that must hold to the token. It asks the
	// shared store each time and waits for it at most its deadline (20 ms).
	TakeExact(ctx context.Context, key netkey.Key, lim *Limit, now time.Time) Decision

	// Peek says what Take would answer as far as this edge knows, and takes
	// nothing.
	Peek(key netkey.Key, lim *Limit, now time.Time) Decision

	// Once reports whether this is the first time that key is used, at all
	// edges, and remembers that for life. shared is false where only this edge
	// could be asked. It waits for the store at most five deadlines.
	Once(ctx context.Context, key netkey.Key, life time.Duration) (first, shared bool)

	// Tell makes a fact known to every edge, for life; 0 is until told
	// otherwise. An empty value takes the fact back. ErrRefused means that
	// nobody knows, any other error that only this edge does so far: it tells
	// the store as soon as that is back. Tell waits for the store at most its
	// deadline.
	Tell(ctx context.Context, name, value string, life time.Duration) error

	// Facts are all facts that this edge knows, by name. The map is a copy.
	Facts() map[string]Fact

	// Listen calls back with each known fact, then with each fact that
	// changes, was taken back or has expired: then its Value is empty. Calls
	// come one at a time; of several changes of one fact a slow listener may
	// hear only the last. They must return soon, and may call any method of
	// the store. After stop at most the call that is under way goes on.
	Listen(call func(name string, f Fact)) (stop func())

	// Ban has somebody banned at every edge. It returns at once and may be called
	// from requests: with Redis the ban holds as soon as Redis has said that no
	// edge saw customers there (ErrVouched) and that the shop's minute is not used
	// up (ErrCapped); if Redis cannot be asked it holds here, and is told later.
	// What this edge knows already costs Redis nothing. A nil error means that it
	// was asked for, not that it holds: see ListenBans.
	//
	// Of each key there is one ban a shop and one for all shops. Banning again
	// with a later end extends it, an earlier end changes nothing. What people
	// say replaces any ban, also with an earlier end, and no machine changes it.
	Ban(q BanRequest) error

	// Unban lifts all bans of key, at every edge, whoever made them. It returns at
	// once; an edge that cannot be reached hears of it later. client, Hasher.Client
	// of today, goes to whoever listens to bans: each stage forgets the counts
	// that it keeps of the client. Zero: nothing is to be forgotten.
	Unban(key, client netkey.Key)

	// Banned returns the ban of key that holds at the shop, or at all shops. For
	// an empty shop it returns bans at all shops only. It never waits and
	// allocates nothing.
	Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool)

	// Bans are the bans that hold, as far as this edge knows, in no order.
	Bans() []ban.Ban

	// ListenBans calls back with each known ban, then with each change: a ban was
	// set, lifted, has expired, or was refused by the store after Ban had returned
	// nil. As with Listen, calls come one at a time; a slow listener may miss all
	// but the last change of one ban, and all but the last refusal of it. A call
	// must return soon, and may call any method of the store.
	ListenBans(call func(ban.Event)) (stop func())

	// Vouch says that a customer with a valid pass or stamp came from the
	// neighbourhood key: for five minutes no machine bans anybody there. It is
	// cheap enough for every request, and tells the store at most once a minute.
	Vouch(key netkey.Key, now time.Time)

	// Vouched reports whether this edge knows of customers there.
	Vouched(key netkey.Key, now time.Time) bool

	// Forget makes the bucket of key full again and ends its penalty, here and in
	// the shared store. It returns at once. Other edges forget what they know if
	// they are told to: see Unban.
	Forget(key netkey.Key)

	// Status says how the store is, for people and metrics.
	Status() Status

	// Close settles what was spent and gives up the store's connections.
	Close() error
}

// BansRefused counts why bans were not made.
type BansRefused struct {
	Vouched int64 `json:"protected"` // customers came from there
	Capped  int64 `json:"capped"`    // too many in a minute
	NoRoom  int64 `json:"no_room"`   // the list, or the queue, is full
}

// Status is how a store is.
type Status struct {
	Kind     string        `json:"kind"`             // "memory" or "redis"
	Shared   bool          `json:"shared"`           // counts are shared with other edges right now
	Reason   string        `json:"reason,omitempty"` // why not, and what to try
	Since    time.Time     `json:"since"`            // since when it is so
	Nodes    []string      `json:"nodes"`            // live edges, by name
	Keys     int           `json:"keys"`             // slots in use
	Capacity int           `json:"capacity"`         // slots at the most
	Evicted  int64         `json:"evicted"`          // keys forgotten while they still mattered
	Commands int64         `json:"commands"`         // commands sent to the store
	Latency  time.Duration `json:"latency"`          // of the last answer of the store
	Bans     int           `json:"bans"`             // that this edge knows
	Pending  int           `json:"pending_bans"`     // bans, and liftings of bans, that other edges do not know yet
	Refused  BansRefused   `json:"bans_refused"`     // bans that were asked for and not made, by this edge
}
