package scrub

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// A Window is when segments are handed on to another edge.
type Window struct {
	Next  netip.Addr // the edge
	Until time.Time  // zero: it is closed
	Rate  shop.Rate  // at most; zero: that of the policy file
}

// ErrNoRing is returned if the policy file in force has no section hand_on.
var ErrNoRing = errors.New("the policy file has no section hand_on")

// HandOn is the ring of edges behind the same addresses. While a window is open (see
// Window), a TCP segment that belongs to no connection of this host goes to the next
// edge of the ring, in GRE (RFC 2784) whose key (RFC 2890) counts how often it was
// handed on. Routers choose an edge by a hash of the flow, and choose others when an
// edge leaves or returns.
type HandOn struct {
	// The address of this edge that the others know.
	Self netip.Addr `yaml:"self" json:"self"`

	// The addresses of all edges, this one's included, in the same order at each: 2
	// to 8, IPv4.
	Ring []netip.Addr `yaml:"ring" json:"ring"`

	// monitor counts what would be handed on, on does it. A policy in monitor mode
	// only counts. Default: monitor.
	Mode HandOnMode `yaml:"mode,omitempty" json:"mode"`

	// Segments that this edge hands on at most. Default: 50000/s.
	Rate shop.Rate `yaml:"rate,omitempty" json:"rate"`

	// How often a segment is handed on at most, 1 to one less than there are edges.
	// Default: that, and at most 3.
	Hops int `yaml:"hops,omitempty" json:"hops"`

	// How long a window is open at most. Default: 10m.
	MaxWindow time.Duration `yaml:"max_window,omitempty" json:"max_window"`
}

// HandOnMode is what is done about a segment that belongs to no connection.
type HandOnMode string

// The modes of hand-on.
const (
	HandOnMonitor HandOnMode = "monitor"
	HandOnOn      HandOnMode = "on"
)

// Bounds and defaults of hand-on.
const (
	maxRing       = len(kernelRing{}.Peers)
	defaultHops   = 3
	defaultWindow = 10 * time.Minute
	longestWindow = time.Hour
)

func (h *HandOn) validate() error {
	if n := len(h.Ring); n < 2 || n > maxRing {
		return At(fmt.Errorf("ring has %d edges: want 2 to %d, this one included", n, maxRing), "ring")
	}
	for i, addr := range h.Ring {
		if !addr.Is4() {
			return At(fmt.Errorf("ring: %s: want an IPv4 address", addr), "ring", i)
		}
		if slices.Index(h.Ring, addr) < i {
			return At(fmt.Errorf("ring: duplicate edge %s", addr), "ring", i)
		}
	}
	if !slices.Contains(h.Ring, h.Self) {
		return At(errors.New("self must be one of the edges of ring"), "self")
	}
	if h.Mode == "" {
		h.Mode = HandOnMonitor
	}
	if h.Mode != HandOnMonitor && h.Mode != HandOnOn {
		return At(fmt.Errorf("mode is %q: want %q or %q", h.Mode, HandOnMonitor, HandOnOn), "mode")
	}
	if h.Rate == (shop.Rate{}) {
		h.Rate = shop.Rate{Events: 50_000, Per: time.Second}
	}
	if h.Hops == 0 {
		h.Hops = min(len(h.Ring)-1, defaultHops)
	}
	if h.Hops < 1 || h.Hops >= len(h.Ring) {
		return At(fmt.Errorf("hops is %d: want 1 to %d, since the ring has %d edges", h.Hops, len(h.Ring)-1, len(h.Ring)), "hops")
	}
	if h.MaxWindow == 0 {
		h.MaxWindow = defaultWindow
	}
	if h.MaxWindow < time.Second || h.MaxWindow > longestWindow {
		return At(fmt.Errorf("max_window is %s: want 1s to %s", h.MaxWindow, longestWindow), "max_window")
	}
	return nil
}

// Next is the edge behind this one in the ring, leaving some out. It is not valid if
// none is left.
func (h *HandOn) Next(without ...netip.Addr) netip.Addr {
	at := slices.Index(h.Ring, h.Self)
	for i := range len(h.Ring) - 1 {
		if addr := h.Ring[(at+1+i)%len(h.Ring)]; !slices.Contains(without, addr) {
			return addr
		}
	}
	return netip.Addr{}
}

// Tunnels lead to the other edges of the ring; none if there is no ring.
func (h *HandOn) Tunnels() (all []Tunnel) {
	if h == nil {
		return nil
	}
	for _, addr := range h.Ring {
		if addr != h.Self {
			all = append(all, Tunnel{From: h.Self, To: addr})
		}
	}
	return all
}

// mode is the one of a policy for what could be handed on.
func (h *HandOn) mode(policy Mode) Mode {
	if policy == Mitigate && (h == nil || h.Mode == HandOnMonitor) {
		return Monitor
	}
	return policy
}

// ring is what scrub.c needs. A window that is open stays so, at its own rate if that
// is lower.
func (h *HandOn) ring(now kernelRing, clock uint64, cpus int) (k kernelRing) {
	if h == nil {
		return k
	}
	k = kernelRing{Self: addrWord(h.Self), Next: addrWord(h.Next()), Hops: uint32(h.Hops), Rate: h.rate(h.Rate, cpus)}
	for i, t := range h.Tunnels() {
		k.Peers[i] = addrWord(t.To)
	}
	if now.Until <= clock {
		return k
	}
	k.Until = now.Until
	if slices.Contains(k.Peers[:], now.Next) {
		k.Next = now.Next
	}
	if now.Rate.PerTick < k.Rate.PerTick {
		k.Rate = now.Rate
	}
	return k
}

// rate is a rate in the units of buckets, not above that of the ring.
func (h *HandOn) rate(r shop.Rate, cpus int) kernelRate {
	k, most := Budget{Rate: r}.rate(cpus), Budget{Rate: h.Rate}.rate(cpus)
	if r == (shop.Rate{}) || most.PerTick < k.PerTick {
		return most
	}
	return k
}
