package gate

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Rules are what the gates for TCP and for QUIC have in common.
type Rules struct {
	// Count only and refuse nothing.
	Shadow bool `json:"shadow,omitempty"`

	// Addresses that are never refused here, besides those that the shield
	// allows: health checks, a balancer in front.
	Allow []netip.Prefix `json:"allow,omitempty"`
}

// Pace is how fast new connections may come from one place.
type Pace struct {
	// New connections, such as 30/s.
	Rate shop.Rate `json:"rate,omitzero"`

	// How many may come at once from a place that was quiet. Default, if a rate
	// is given: ten seconds of it.
	Burst int64 `json:"burst,omitempty"`
}

// Crowd is how many connections one place may have.
type Crowd struct {
	Pace

	// Open at a time.
	Connections int `json:"connections,omitempty"`

	// Of these unfinished: still in their TLS handshake, or without TLS before
	// the end of their first request's header.
	Handshakes int `json:"handshakes,omitempty"`
}

// The defaults. The shared address of a carrier or an office has many customers
// behind it, of whom few are at our shops at a time; a browser opens one
// connection to a shop by HTTP/2, six without, and keeps it for two minutes.
var (
	usualClient = Crowd{Pace: paceOf(30), Connections: 1024, Handshakes: 64}
	usualSubnet = Crowd{Pace: paceOf(150), Connections: 4096, Handshakes: 256}
)

// burstTime is how long the rate takes to refill the burst, by default.
const burstTime = 10

func paceOf(aSecond int64) Pace {
	return Pace{Rate: shop.Rate{Events: aSecond, Per: time.Second}, Burst: burstTime * aSecond}
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

func (c *Crowd) fillDefaults(usual Crowd) {
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
		return fmt.Errorf("burst is %d; it must be at least 1", p.Burst)
	}
	return nil
}

func (c *Crowd) validate() error {
	if c.Connections < 1 || c.Handshakes < 1 {
		return fmt.Errorf("connections is %d and handshakes %d; each must be at least 1", c.Connections, c.Handshakes)
	}
	return c.Pace.validate()
}

// limit sets up how new connections are counted.
func (p *Pace) limit(l *counters.Limit) { l.Interval, l.Burst = p.Rate.Interval(), p.Burst }

func (c *Crowd) room() count {
	return count{connections: int32(min(c.Connections, maxRoom)), unfinished: int32(min(c.Handshakes, maxRoom))}
}

// maxRoom is beyond any machine.
const maxRoom = 1 << 30

// tableOf is a list of addresses that can be looked up.
func tableOf(prefixes []netip.Prefix) *bart.Lite {
	table := new(bart.Lite)
	for _, prefix := range prefixes {
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
		}
		table.Insert(prefix.Masked())
	}
	return table
}
