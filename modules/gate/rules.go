package gate

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Rules are what the gates for TCP and for QUIC have in common.
type Rules struct {
	// Count only; refuse nothing.
	Shadow bool `json:"shadow,omitempty"`

	// Addresses that are never refused here, in addition to `never_ban` of the
	// shield: health checks, a load balancer in front.
	Allow []netip.Prefix `json:"allow,omitempty"`
}

// Pace is how fast new connections may come from one prefix.
type Pace struct {
	// New connections, such as 30/s.
	Rate shop.Rate `json:"rate,omitzero"`

	// How many may come at once from a prefix that was idle. Default, if a rate is
	// set: ten seconds of it.
	Burst int64 `json:"burst,omitempty"`
}

// PrefixLimits are the limits of one prefix.
type PrefixLimits struct {
	Pace

	// Open connections.
	Connections int `json:"connections,omitempty"`

	// Open connections that are still in their TLS handshake, or without TLS before
	// the end of their first request's header.
	Handshakes int `json:"handshakes,omitempty"`
}

// The defaults. Many customers share the address of a carrier or an office, but few of
// them are at our shops at a time. A browser opens one connection to a shop with HTTP/2,
// six without, and keeps it for two minutes.
var (
	usualClient = PrefixLimits{Pace: perSecond(30), Connections: 1024, Handshakes: 64}
	usualSubnet = PrefixLimits{Pace: perSecond(150), Connections: 4096, Handshakes: 256}
)

// burstTime is how many seconds the rate takes to refill the burst, by default.
const burstTime = 10

func perSecond(events int64) Pace {
	return Pace{Rate: shop.Rate{Events: events, Per: time.Second}, Burst: burstTime * events}
}

func (p *Pace) fillDefaults(usual Pace) {
	if p.Burst == 0 {
		p.Burst = usual.Burst
		if !p.Rate.IsZero() {
			p.Burst = max(1, burstTime*p.Rate.Events*int64(time.Second)/int64(p.Rate.Per))
		}
	}
	if p.Rate.IsZero() {
		p.Rate = usual.Rate
	}
}

func (c *PrefixLimits) fillDefaults(usual PrefixLimits) {
	c.Pace.fillDefaults(usual.Pace)
	if c.Connections == 0 {
		c.Connections = usual.Connections
	}
	if c.Handshakes == 0 {
		c.Handshakes = usual.Handshakes
	}
}

func (p *Pace) validate() error {
	if p.Burst < 1 {
		return fmt.Errorf("invalid burst %d: want at least 1", p.Burst)
	}
	return nil
}

func (c *PrefixLimits) validate() error {
	if c.Connections < 1 || c.Handshakes < 1 {
		return fmt.Errorf("invalid connections %d or handshakes %d: want at least 1", c.Connections, c.Handshakes)
	}
	return c.Pace.validate()
}

// setLimit sets the limit on new connections.
func (p *Pace) setLimit(l *counters.Limit) { l.Interval, l.Burst = p.Rate.Interval(), p.Burst }

func (c *PrefixLimits) limits() count {
	return count{connections: int32(min(c.Connections, maxLimit)), unfinished: int32(min(c.Handshakes, maxLimit))}
}

// maxLimit is more than any machine can have.
const maxLimit = 1 << 30
