// Package clock is the time of day on which all edges of a tier agree.
//
// It keeps nothing. An edge without a shared store has its own time.
package clock

import (
	"time"

	"github.com/theriac-edge/theriac/counters"
)

// MaxApart is how far from the tier's time an edge may be, whose own clock is wrong or is set,
// for it to be made up for.
const MaxApart = 2 * time.Hour

// Agreed is the time of day by which days begin, and tokens are issued and judged: the tier's,
// or as near to that as MaxApart allows. It jumps neither when this edge's clock is set nor
// when the store's is.
func Agreed(store counters.Store, now time.Time) time.Time {
	tier, now := store.Time(now), now.Round(0)
	switch {
	case tier.Before(now.Add(-MaxApart)):
		return now.Add(-MaxApart)
	case tier.After(now.Add(MaxApart)):
		return now.Add(MaxApart)
	}
	return tier
}
