package incident

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/watch"
)

// Target is what the operator of the tier has promised for a kind of attack.
type Target struct {
	Detect    time.Duration // from onset to detection
	Effective time.Duration // from onset until customers are served well again
}

// Group is the kind of attack that a target is for.
type Group uint8

// The groups.
const (
	Prepared Group = iota // packets and handshakes: what stops them is always in force
	Floods                // of requests
	Slow                  // requests that come slowly, below SlowRate at their peak
	groups
)

var groupNames = [...]string{Prepared: "packets and handshakes", Floods: "HTTP floods", Slow: "low and slow"}

// A group added above and not named here does not compile.
var _ = [1]struct{}{}[len(groupNames)-int(groups)]

func (g Group) String() string { return groupNames[g] }

// SlowRate is the peak, in requests a second, below which an attack is low and slow.
const SlowRate = 50

// Targets are those of a tier, by group.
type Targets [groups]Target

// DefaultTargets returns what a tier promises unless it is told otherwise.
func DefaultTargets() Targets {
	return Targets{
		Prepared: {Detect: 3 * time.Second, Effective: 0},
		Floods:   {Detect: 3 * time.Second, Effective: 10 * time.Second},
		Slow:     {Detect: 60 * time.Second, Effective: 60 * time.Second},
	}
}

// Check refuses targets that cannot be meant.
func (t Targets) Check() error {
	for g, target := range t {
		if target.Detect < 0 || target.Effective < 0 || target.Detect > time.Hour || target.Effective > time.Hour {
			return fmt.Errorf("target for %s: want times from 0 to 1h, not %s and %s", Group(g), target.Detect, target.Effective)
		}
	}
	return nil
}

var prepared = map[string]bool{
	watch.SlowHeader.String(): true, watch.SlowBody.String(): true, watch.H2Reset.String(): true,
	watch.TLSFlood.String(): true, watch.WebSocket.String(): true, watch.SYN.String(): true, watch.Stray.String(): true,
	watch.Amplification.String(): true, watch.UDP.String(): true, watch.Fragment.String(): true, watch.ICMP.String(): true,
	watch.Malformed.String(): true,
}

// groupOf is known when the attack is over: by its vector, and by its peak. The tier itself is
// attacked by packets and handshakes only.
func groupOf(s *Shop, v *Vector) Group {
	switch {
	case s.ID == "" || prepared[v.Vector]:
		return Prepared
	case v.Peak < SlowRate:
		return Slow
	}
	return Floods
}
