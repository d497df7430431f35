package scrub

import (
	"fmt"
	"slices"
)

// Reason is why the program passed, forwarded, answered or dropped a packet. Each
// packet has one.
type Reason uint8

// reasonNames names each reason of bpf/state.h, which says what they mean, as in
// policies, output and metrics.
var reasonNames = [...]string{
	kernelReasonREASON_UNPROTECTED:        "unprotected",
	kernelReasonREASON_OFF:                "off",
	kernelReasonREASON_ALLOWED:            "allowed",
	kernelReasonREASON_SYNCOOKIE_REFRESH:  "syncookie_refresh",
	kernelReasonREASON_UNCLAIMED:          "unclaimed",
	kernelReasonREASON_CLEAN:              "clean",
	kernelReasonREASON_FORWARDED:          "forwarded",
	kernelReasonREASON_HANDED_ON:          "handed_on",
	kernelReasonREASON_SYN_COOKIE:         "syn_cookie",
	kernelReasonREASON_SYN_AUTH:           "syn_auth",
	kernelReasonREASON_TOO_BIG:            "too_big",
	kernelReasonREASON_MALFORMED:          "malformed",
	kernelReasonREASON_LAND:               "land",
	kernelReasonREASON_FLAGS:              "flags",
	kernelReasonREASON_DENIED:             "denied",
	kernelReasonREASON_BOGON:              "bogon",
	kernelReasonREASON_OPTIONS:            "options",
	kernelReasonREASON_PROTOCOL:           "protocol",
	kernelReasonREASON_UDP_REFLECTION:     "udp_reflection",
	kernelReasonREASON_PORT:               "port",
	kernelReasonREASON_FRAGMENT:           "fragment",
	kernelReasonREASON_ICMP:               "icmp",
	kernelReasonREASON_QUIC:               "quic",
	kernelReasonREASON_SYN_DATA:           "syn_data",
	kernelReasonREASON_RATE_DST:           "rate_dst",
	kernelReasonREASON_RATE_DST_NET:       "rate_dst_net",
	kernelReasonREASON_SYN_ACK_REFLECTION: "syn_ack_reflection",
	kernelReasonREASON_OUT_OF_STATE:       "out_of_state",
	kernelReasonREASON_BAD_COOKIE:         "bad_cookie",
	kernelReasonREASON_SYN_AUTH_RST:       "syn_auth_rst",
	kernelReasonREASON_RATE_VERIFIED:      "rate_verified",
	kernelReasonREASON_RATE_UNVERIFIED:    "rate_unverified",
	kernelReasonREASON_NO_ROUTE:           "no_route",
}

// A reason added to scrub.c and not named here does not compile.
var _ = [1]struct{}{}[len(reasonNames)-int(kernelReasonREASON_COUNT)]

// renamedReasons are the names that reasons had before 1.0.
var renamedReasons = map[string]string{
	"amplification": "udp_reflection", "reflection": "syn_ack_reflection", "probe": "syncookie_refresh", "proved": "syn_auth_rst",
	"cookie": "bad_cookie", "budget": "rate_dst", "carpet": "rate_dst_net", "source": "rate_verified", "crowd": "rate_unverified",
	"stray": "out_of_state",
}

// Reasons is how many reasons there are; a Reason is an index below it.
const Reasons = int(kernelReasonREASON_COUNT)

func (r Reason) String() string {
	if int(r) >= Reasons {
		return fmt.Sprintf("reason %d of another release", uint8(r))
	}
	return reasonNames[r]
}

// ParseReason finds the reason called name.
func ParseReason(name string) (Reason, error) {
	i := slices.Index(reasonNames[:], name)
	if now := renamedReasons[name]; now != "" {
		return 0, fmt.Errorf("reason %q is called %q now", name, now)
	}
	if i < 0 {
		return 0, fmt.Errorf("%q is not a valid reason: want one of %q", name, reasonNames)
	}
	return Reason(i), nil
}

// MarshalText returns the name of the reason.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseReason for YAML and JSON.
func (r *Reason) UnmarshalText(text []byte) (err error) {
	*r, err = ParseReason(string(text))
	return err
}

// Action is what happens to a packet.
type Action uint8

// The actions.
const (
	Passed    Action = iota // to the host's own stack
	Forwarded               // through a tunnel to the data centre, or to another edge
	Answered                // from here
	Dropped
)

var actionNames = [...]string{Passed: "passed", Forwarded: "forwarded", Answered: "answered", Dropped: "dropped"}

func (a Action) String() string { return actionNames[a] }

// Action is what happens to packets that leave for this reason.
func (r Reason) Action() Action {
	switch n := kernelReason(r); {
	case n <= kernelReasonREASON_CLEAN:
		return Passed
	case n <= kernelReasonREASON_HANDED_ON:
		return Forwarded
	case n <= kernelReasonREASON_TOO_BIG:
		return Answered
	}
	return Dropped
}

// general reports whether the reason is found before the destination is known, so
// that it does not depend on a policy.
func (r Reason) general() bool {
	switch kernelReason(r) {
	case kernelReasonREASON_MALFORMED, kernelReasonREASON_LAND, kernelReasonREASON_FLAGS:
		return true
	}
	return false
}

// settable reports whether a mode can be given for the reason.
func (r Reason) settable() bool {
	switch kernelReason(r) {
	case kernelReasonREASON_SYN_COOKIE, kernelReasonREASON_SYN_AUTH:
		return true
	case kernelReasonREASON_SYN_AUTH_RST, kernelReasonREASON_NO_ROUTE:
		return false
	}
	return r.Action() == Dropped
}

// Mode is what is done about packets with a reason.
type Mode uint8

// The modes.
const (
	byDefault Mode = iota // not set
	Off                   // not even counted
	Monitor               // counted, and passed
	Mitigate              // dropped or answered
)

var modeNames = [...]string{Off: "off", Monitor: "monitor", Mitigate: "mitigate"}

// kernelModes are the modes as scrub.c knows them.
var kernelModes = [...]kernelMode{
	byDefault: kernelModeMODE_MITIGATE, Off: kernelModeMODE_OFF, Monitor: kernelModeMODE_MONITOR, Mitigate: kernelModeMODE_MITIGATE,
}

func (m Mode) String() string { return modeNames[m] }

// MarshalText returns the name of the mode.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText parses a mode.
func (m *Mode) UnmarshalText(text []byte) error {
	i := slices.Index(modeNames[:], string(text))
	if i < int(Off) {
		return fmt.Errorf("%q is not a valid mode: want one of %q", text, modeNames[Off:])
	}
	*m = Mode(i)
	return nil
}
