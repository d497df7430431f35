// Package ban has the one value that stands for a ban in every part of the
// edge: what is banned, at which shop, why, and until when. It holds a keyed
// hash, never an address.
//
// It does no I/O, and nothing in it fails at run time.
package ban

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Ban is which source is refused, at which shop, why, and until when. Every edge of a tier
// knows all bans. It holds no address: an edge recognizes a banned source by its key.
type Ban struct {
	Key   netkey.Key // of the banned address or prefix, see Hasher.Ban
	Shop  shop.ID    // at which shop; empty: at all
	Cause Cause      // why
	Rule  string     // the zone or rule behind the cause, from the configuration
	Told  time.Time  // since when
	Until time.Time  // it always ends
}

// Event is a change of what is banned.
type Event struct {
	Ban
	Kind EventKind

	// Err is why a ban was refused. Otherwise nil.
	Err error

	// Client is the client whose counts an operator wants forgotten together with
	// a ban that is lifted. Otherwise zero.
	Client netkey.Key
}

// Over reports whether the ban held and no longer does.
func (e *Event) Over() bool { return e.Kind == Lifted || e.Kind == Expired }

// EventKind is what happened to a ban.
type EventKind uint8

// The kinds of events.
const (
	Set     EventKind = iota // holds from now on, or until another time than before
	Lifted                   // an operator lifted it
	Expired                  // its time is up, or it had to make room
	Refused                  // was asked for, and does not hold: see Event.Err
	eventKinds
)

var eventKindNames = [...]string{Set: "set", Lifted: "lifted", Expired: "expired", Refused: "refused"}

// A kind added above and not named here does not compile.
var _ = [1]struct{}{}[len(eventKindNames)-int(eventKinds)]

func (k EventKind) String() string { return eventKindNames[k] }

// Cause is why a source is banned.
type Cause uint8

// The causes.
const (
	ByLimit     Cause = iota // ignored refusals of a limit
	ByChallenge              // sent junk instead of solutions, or more than its subnet may
	ByWAF                    // attacked again and again
	Manual                   // by an operator
	causes
)

var causeNames = [...]string{ByLimit: "limit", ByChallenge: "challenge", ByWAF: "waf", Manual: "manual"}

// A cause added above and not named here does not compile.
var _ = [1]struct{}{}[len(causeNames)-int(causes)]

func (c Cause) String() string { return causeNames[c] }

// Causes is the number of causes; a Cause is an index below it.
const Causes = int(causes)

// ParseCause returns the cause with this name.
func ParseCause(name string) (Cause, error) {
	for c, n := range causeNames {
		if n == name {
			return Cause(c), nil
		}
	}
	return 0, fmt.Errorf("unrecognized cause %q, want one of %s", name, strings.Join(causeNames[:], ", "))
}

// MarshalText returns the cause's name.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseCause for JSON.
func (c *Cause) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCause(string(text))
	return err
}
