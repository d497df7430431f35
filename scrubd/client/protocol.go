// Package client is what an edge and scrubd, the scrubber's daemon, say to
// each other: JSON messages over a unix socket.
//
// Neither waits for the other: an edge that finds no scrubber goes on, and a
// scrubber without an edge keeps the bans it was told of until they end.
package client

import (
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// What an edge and the scrubber below it say to each other, as JSON over a unix
// socket: POST /bans with Verdicts, answered by Judgement. Neither waits for
// the other: an edge that finds no scrubber goes on, and a scrubber without an
// edge keeps its verdicts until they end.

// Verdict asks the scrubber to drop what comes from a prefix.
type Verdict struct {
	// One IPv4 address or one IPv6 /64, or up to a /24 or /48 around it.
	Prefix netip.Prefix `json:"prefix"`

	// Until when to drop. Zero lifts the verdict.
	Until time.Time `json:"until,omitzero"`

	// At which shop the sender misbehaved; empty if people say so. The scrubber
	// caps how many verdicts one shop can pass.
	Shop shop.ID `json:"shop,omitempty"`

	// Why, of the closed list of causes.
	Cause ban.Cause `json:"cause"`
}

// Verdicts is one batch of an edge.
type Verdicts struct {
	// The edge's name, for people.
	Edge string `json:"edge"`

	// At most MaxVerdicts.
	Verdicts []Verdict `json:"bans"`
}

// MaxVerdicts is how many verdicts one batch may hold.
const MaxVerdicts = 1024

// Judgement answers a batch.
type Judgement struct {
	// Names the scrubber's present start. Where it differs from the one before,
	// verdicts may have been lost: pass them again.
	Boot string `json:"boot"`

	// What the scrubber did not do, and why.
	Refused []Refused `json:"refused,omitempty"`

	// What was dropped by the edges' verdicts since the answer before. Prefixes
	// from which nothing came are left out.
	Hits []Hit `json:"hits,omitempty"`
}

// Refused is a verdict that the scrubber did not carry out.
type Refused struct {
	Prefix netip.Prefix `json:"prefix"`
	Why    string       `json:"why"`
}

// Hit says how much was dropped for a verdict.
type Hit struct {
	Prefix  netip.Prefix `json:"prefix"`
	Packets uint64       `json:"packets"`
}
