// Package client is an edge's side of scrubd, the scrubber's daemon: the
// messages that the two exchange over a unix socket, and a Client that keeps
// what the scrubber drops equal to the bans that the edge wants there.
//
// Neither waits for the other. An edge without a scrubber goes on, and its bans
// hold at that edge alone; a scrubber without an edge drops what it was told to
// until each ban ends.
package client

import (
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// Path is where the daemon takes a SyncRequest, by POST, as JSON. It answers
// with a SyncResponse.
const Path = "/bans"

// PushedBan asks the scrubber to drop what comes from a prefix.
type PushedBan struct {
	// One IPv4 address or one IPv6 /64, or up to a /24 or /48 around it.
	Prefix netip.Prefix `json:"prefix"`

	// Until when to drop. Zero lifts the ban.
	Until time.Time `json:"until,omitzero"`

	// At which shop the sender misbehaved; empty for the bans of operators. The
	// scrubber limits how many bans one shop can push.
	Shop shop.ID `json:"shop,omitempty"`

	// Why, of the closed list of causes.
	Cause ban.Cause `json:"cause"`
}

// Lifts reports whether the ban is to end.
func (p *PushedBan) Lifts() bool { return p.Until.IsZero() }

// SyncRequest is what changed in the set of bans that an edge wants in the
// scrubber, or a part of that. Without bans it only asks for a response.
type SyncRequest struct {
	// The edge's name, for operators.
	Edge string `json:"edge"`

	// At most MaxBatch.
	Bans []PushedBan `json:"bans"`
}

// MaxBatch is how many bans one request may hold.
const MaxBatch = 1024

// SyncResponse answers a SyncRequest.
type SyncResponse struct {
	// Instance names the daemon's present start. Where it differs from the one
	// before, bans may have been lost: the edge pushes all of them again.
	Instance string `json:"instance"`

	// The bans of the request that the scrubber does not apply.
	Refused []Refused `json:"refused,omitempty"`

	// What the edge's bans dropped since the last response. Prefixes from which
	// nothing came are left out.
	Hits []Hit `json:"hits,omitempty"`
}

// Refused is a pushed ban that the scrubber does not apply.
type Refused struct {
	Prefix netip.Prefix `json:"prefix"`
	Reason string       `json:"reason"`
}

// Hit is how many packets were dropped because of one ban.
type Hit struct {
	Prefix  netip.Prefix `json:"prefix"`
	Packets uint64       `json:"packets"`
}
