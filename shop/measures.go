package shop

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Measures is what a shop's level does, besides deciding which visitors are challenged. A
// stranger is a visitor without a valid time stamp or pass. What is zero is not set.
type Measures struct {
	// How much of a limit a client may have used up before it is suspicious.
	Suspicious Percent `json:"suspicious,omitzero"`

	// How many dynamic requests a client may make as a stranger: in all, searches, and in
	// the account. Where strangers are challenged a challenge counts as a request.
	Stranger Allowance `json:"stranger,omitzero"`
	Search   Allowance `json:"search,omitzero"`
	Account  Allowance `json:"account,omitzero"`

	// Refusals and challenges in a row beyond that, which a client may ignore until it is
	// banned.
	BanAfter uint32 `json:"ban_after,omitzero"`

	// How much is left of each limit of subnets and sites for strangers' dynamic requests.
	Subnet Percent `json:"subnet,omitzero"`

	// How much is left of the budget of crawlers whose names are verified.
	Crawlers Percent `json:"crawlers,omitzero"`

	// How much of the firewall's time the bodies of strangers may take up.
	Firewall Percent `json:"firewall,omitzero"`

	// How much is left of the rate of new connections that the gate allows a client and a
	// subnet, at servers where this is the highest level of any shop.
	Gate Percent `json:"gate,omitzero"`
}

// DefaultMeasures are the measures of each level unless configured otherwise.
var DefaultMeasures = [Levels]Measures{
	Calm: {
		Suspicious: 75, Stranger: perSecond(20, 480), Search: perSecond(20, 480), Account: perSecond(20, 480), // no less than others
		BanAfter: 200, Subnet: 100, Crawlers: 100, Firewall: 100, Gate: 100,
	},
	Raised: {
		Suspicious: 50, Stranger: perSecond(2, 20), Search: perMinute(30, 5), Account: perMinute(6, 6),
		BanAfter: 200, Subnet: 50, Crawlers: 100, Firewall: 100, Gate: 100,
	},
	Attack: {
		Suspicious: 50, Stranger: perSecond(2, 20), Search: perMinute(30, 5), Account: perMinute(6, 6),
		BanAfter: 60, Subnet: 25, Crawlers: 50, Firewall: 25, Gate: 100,
	},
	Heavy: {
		Suspicious: 25, Stranger: perSecond(1, 10), Search: perMinute(30, 5), Account: perMinute(6, 6),
		BanAfter: 30, Subnet: 12, Crawlers: 25, Firewall: 25, Gate: 50,
	},
	Siege: {
		Suspicious: 25, Stranger: perMinute(30, 5), Search: perMinute(12, 5), Account: perMinute(6, 6),
		BanAfter: 20, Subnet: 5, Crawlers: 10, Firewall: 25, Gate: 25,
	},
}

// Allowance is a rate, and how many events may come at once.
type Allowance struct {
	Rate  Rate  `json:"rate"`
	Burst int64 `json:"burst"`
}

// String returns the allowance as it is configured: "2/s 20".
func (a Allowance) String() string { return a.Rate.String() + " " + strconv.FormatInt(a.Burst, 10) }

func perSecond(events, burst int64) Allowance {
	return Allowance{Rate: Rate{Events: events, Per: time.Second}, Burst: burst}
}

func perMinute(events, burst int64) Allowance {
	return Allowance{Rate: Rate{Events: events, Per: time.Minute}, Burst: burst}
}

// Percent is a part of something that has no more than all: 0 to 100.
type Percent uint8

// Of returns that part of n, rounded down, but at least 1 of anything.
func (p Percent) Of(n int64) int64 {
	if p >= 100 {
		return n
	}
	// Divided first, so that no n is too large.
	part := n/100*int64(p) + n%100*int64(p)/100
	if n > 0 {
		part = max(1, part)
	}
	return part
}

func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// ParsePercent parses "50%".
func ParsePercent(text string) (Percent, error) {
	digits, ok := strings.CutSuffix(text, "%")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil || n > 100 {
		return 0, fmt.Errorf("invalid share %q: want 0%% to 100%%", text)
	}
	return Percent(n), nil
}

// MarshalText returns what ParsePercent reads.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePercent.
func (p *Percent) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePercent(string(text))
	return err
}
