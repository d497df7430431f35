package client

import (
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// HandOnPath is where a window of hand-on is opened (POST, a HandOn) and closed
// (DELETE).
const HandOnPath = "/handon"

// HandOn opens a window in which scrubd hands TCP segments of no connection of this
// host on to the next edge, or moves the end of one that is open. It is bounded by
// the section hand_on of scrubd's policy file.
type HandOn struct {
	For     string       `json:"for"`               // a duration from now, such as 2m
	Rate    shop.Rate    `json:"rate,omitzero"`     // segments at most; zero: as the policy file says
	Without []netip.Addr `json:"without,omitempty"` // edges that are left out of the ring
	Why     string       `json:"why,omitempty"`
}

// HandOnOpened is the answer.
type HandOnOpened struct {
	Next  netip.Addr `json:"next"`
	Until time.Time  `json:"until"`
}
