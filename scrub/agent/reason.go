package agent

import (
	"fmt"
	"slices"

	"github.com/theriac-edge/theriac/scrub"
)

// Reason is why an agent's program passed or dropped a packet.
type Reason uint8

// reasonNames names each way out of agent.c. What each means is said there.
var reasonNames = [...]string{
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
var _ = [1]struct{}{}[len(reasonNames)-int(agentReasonREASON_COUNT)]

// Reasons is how many reasons an agent has.
const Reasons = int(agentReasonREASON_COUNT)

func (r Reason) String() string {
	if int(r) >= Reasons {
		return fmt.Sprintf("reason %d of another release", uint8(r))
	}
	return reasonNames[r]
}

// MarshalText writes the reason's name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a reason's name.
func (r *Reason) UnmarshalText(text []byte) error {
	i := slices.Index(reasonNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is not a valid reason: want one of %q", text, reasonNames)
	}
	*r = Reason(i)
	return nil
}

// Action is what happens to packets that leave for this reason.
func (r Reason) Action() scrub.Action {
	if agentReason(r) >= agentReasonREASON_STRANGER {
		return scrub.Dropped
	}
	return scrub.Passed
}
