//go:build linux

package scrub

import (
	"fmt"
	"slices"
)

// AgentReason is why a packet left an agent's program the way it did.
type AgentReason uint8

// agentReasonNames names each way out of agent.c. What each means stands there.
var agentReasonNames = [...]string{
	agentReasonREASON_OTHER:        "other",
	agentReasonREASON_DECAPSULATED: "decapsulated",
	agentReasonREASON_CLAMPED:      "clamped",
	agentReasonREASON_FITS:         "fits",
	agentReasonREASON_STRANGER:     "stranger",
	agentReasonREASON_FRAGMENT:     "fragment",
	agentReasonREASON_MALFORMED:    "malformed",
	agentReasonREASON_OUTSIDE:      "outside",
}

// A reason added to agent.c and not named here does not compile.
var _ = [1]struct{}{}[len(agentReasonNames)-int(agentReasonREASON_COUNT)]

// AgentReasons is how many reasons an agent has.
const AgentReasons = int(agentReasonREASON_COUNT)

func (r AgentReason) String() string {
	if int(r) >= AgentReasons {
		return fmt.Sprintf("reason %d of another release", uint8(r))
	}
	return agentReasonNames[r]
}

// MarshalText writes the reason's name.
func (r AgentReason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a reason's name.
func (r *AgentReason) UnmarshalText(text []byte) error {
	i := slices.Index(agentReasonNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no reason; the reasons are %q", text, agentReasonNames)
	}
	*r = AgentReason(i)
	return nil
}

// Verdict is what becomes of packets that leave for this reason.
func (r AgentReason) Verdict() Verdict {
	if agentReason(r) >= agentReasonREASON_STRANGER {
		return Dropped
	}
	return Passed
}
