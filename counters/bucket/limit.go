// Package bucket decides how much a key may take: token buckets in a fixed piece of
// memory, which all edges of a tier share or one process keeps for itself.
//
// It stands on the tier. A decision never waits for the store: an edge spends on
// credit and settles in the background, and only TakeExact asks each time. If the
// store is lost each edge goes on with its share of every limit, so a lost store
// neither opens nor closes the shops.
package bucket

import (
	"sync/atomic"
	"time"
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
	// Wait is zero if the token was taken, otherwise how long until trying again
	// can succeed.
	Wait time.Duration

	// Remaining is how many more tokens could be taken now.
	Remaining int64

	// Refusals is how many times in a row this key was refused, this one
	// included, by this edge.
	Refusals uint32

	// Penalized is set while the key is refused for having ignored refusals.
	Penalized bool

	// Began is set with the refusal that begins a penalty: for callers that act
	// on penalties and not on each refusal.
	Began bool
}

// Allowed reports whether the token was taken.
func (d Decision) Allowed() bool { return d.Wait == 0 }

// Status is how full the memory is.
type Status struct {
	Keys     int   // slots in use
	Capacity int   // slots there are
	Evicted  int64 // keys forgotten while they still mattered
}
