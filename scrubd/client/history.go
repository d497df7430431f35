package client

import (
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
)

// History is what was dropped because of one ban and its renewals.
type History struct {
	Packets uint64    // since the first push
	First   time.Time // since when the prefix is banned

	// What was dropped in the last part of the present ban: packets that were
	// reported after Since, the first report of that part.
	Since time.Time
	Late  uint64
}

const (
	lastPart    = 3 * time.Second         // of a ban in which it must prove that it works, or a quarter of its life
	decideUntil = 2500 * time.Millisecond // before the end: two reports
	floodRate   = 20                      // packets per second; the retries of a browser are fewer
)

// longestFlood is for how long a ban is renewed because of what the scrubber
// drops. Those packets prove nothing: with forged ones a stranger could keep
// another client out for good. A client whose flood goes on is banned again once more
// of it has come through.
const longestFlood = 2 * time.Hour

// add returns the history with the packets that a report at now added.
func (h History) add(packets uint64, b ban.Ban, now time.Time) History {
	h.Packets += packets
	begins := b.Until.Add(-max(lastPart, b.Until.Sub(b.Told)/4))
	switch {
	case now.Before(begins):
		h.Since, h.Late = time.Time{}, 0
	case h.Since.Before(begins):
		h.Since, h.Late = now, 0 // what was dropped before does not count
	default:
		h.Late += packets
	}
	return h
}

// renews reports whether a ban is about to end that still keeps out a flood.
func renews(h History, b ban.Ban, now time.Time) bool {
	left := b.Until.Sub(now)
	switch {
	case left <= 0 || left >= decideUntil:
		return false
	case b.Until.Sub(h.First) >= longestFlood:
		return false
	case h.Since.IsZero() || !now.After(h.Since):
		return false
	}
	return float64(h.Late) >= floodRate*now.Sub(h.Since).Seconds()
}
