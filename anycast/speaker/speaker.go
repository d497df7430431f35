// Package speaker tells routers what an edge announces: by a BGP speaker of its own (GoBGP), or
// by a BIRD 2 that runs beside it.
//
// It stands below cmd/anycastd, and is the only package that knows GoBGP. GoBGP's routes live
// as long as the process: if it dies, they end with its sessions. BIRD keeps its own sessions,
// so its unit must end with anycastd. Neither restarts gracefully, by which a router would keep
// the routes of an edge that is gone. Apply may be called with the same announcement again, and
// mends what a restarted BIRD has forgotten.
package speaker

import (
	"context"
	"errors"
	"net/netip"

	"github.com/theriac-edge/theriac/anycast"
)

// Speaker announces. Its methods are not safe for concurrent use.
type Speaker interface {
	// Apply announces this, and withdraws everything else.
	Apply(ctx context.Context, a anycast.Announcement) error

	// Sessions are those with the routers.
	Sessions(ctx context.Context) ([]Session, error)

	// Close withdraws everything.
	Close() error
}

// Session is the state of a session with one router.
type Session struct {
	Peer  string `json:"peer"`  // an address, or the name of BIRD's protocol
	Up    bool   `json:"up"`    // it is established
	State string `json:"state"` // in the words of the speaker
}

// ErrNoFlowSpec is that of a speaker that cannot announce FlowSpec rules.
var ErrNoFlowSpec = errors.New("this speaker has no FlowSpec: BIRD's rules stand in its configuration alone")

// isHost reports whether a prefix is one address, which alone may become a black hole.
func isHost(p netip.Prefix) bool { return p.Bits() == p.Addr().BitLen() }
