package scenario

import (
	"slices"

	"github.com/theriac-edge/theriac/drill/load"
)

// Vectors below HTTP requests.
const (
	SlowHeaders  Vector = "slow-headers" // a header line now and then
	SlowBodies   Vector = "slow-bodies"  // a byte of a form now and then
	RapidReset   Vector = "rapid-reset"  // HTTP/2 streams that are cancelled at once, CVE-2023-44487
	Continuation Vector = "continuation" // HTTP/2 headers that never end, CVE-2024-27316
	Handshakes   Vector = "handshakes"   // of TLS, without a request
	WebSockets   Vector = "websockets"   // opened and left
	QUIC         Vector = "quic"         // Initials, and handshakes without a request

	SYN        Vector = "syn"        // SYNs from spoofed sources
	Reflection Vector = "reflection" // answers of DNS, NTP and memcached
	Carpet     Vector = "carpet"     // UDP to all addresses of the shop's /24
)

var (
	requestVectors  = []Vector{Get, Search, Login, Cart, Checkout}
	protocolVectors = []Vector{SlowHeaders, SlowBodies, RapidReset, Continuation, Handshakes, WebSockets, QUIC}
	packetVectors   = []Vector{SYN, Reflection, Carpet}
	vectors         = slices.Concat(requestVectors, protocolVectors, packetVectors)
)

// IsProtocol reports whether the attack is on connections.
func (v Vector) IsProtocol() bool { return slices.Contains(protocolVectors, v) }

// IsPackets reports whether the attack is packets without a connection.
func (v Vector) IsPackets() bool { return slices.Contains(packetVectors, v) }

// Encrypted reports whether shops and edges speak TLS, HTTP/2 and HTTP/3 in the drill:
// attacks on connections need it.
func (s *Scenario) Encrypted() bool {
	return slices.ContainsFunc(s.Waves, func(w Wave) bool { return w.Vector.IsProtocol() })
}

// Packets reports whether it is a drill of packets, which needs network namespaces.
func (s *Scenario) Packets() bool {
	return slices.ContainsFunc(s.Waves, func(w Wave) bool { return w.Vector.IsPackets() })
}

// maxPackets is how many packets a second a wave may send.
const maxPackets = 500_000

// maxPacketShops is how many shops have an address in the network of the lab.
const maxPacketShops = 8

// strength checks how strong a wave is, and from where it comes.
func (c *checker) strength(at path, w *Wave) {
	most := Rate(load.MaxRate)
	if w.Vector.IsPackets() {
		most = maxPackets
	}
	if r := w.Rate.Max(); r <= 0 || r > most {
		c.complain(append(at, "rate"), "wave %q: write a rate of up to %.0f/s", w.Name, float64(most))
	}
	switch {
	case w.Vector.IsPackets() && w.From != 0:
		c.complain(append(at, "from"), "wave %q: its packets have spoofed sources: leave from out", w.Name)
	case !w.Vector.IsPackets() && (w.From < 1 || w.From > load.MaxClients):
		c.complain(append(at, "from"), "wave %q from %d addresses: write 1 to %d", w.Name, w.From, load.MaxClients)
	}
	switch {
	case !w.Vector.IsProtocol() && w.Connections != 0:
		c.complain(append(at, "connections"), "wave %q: only %s have connections", w.Name, anyOf(protocolVectors))
	case w.Vector.IsProtocol() && (w.Connections < 1 || w.Connections > load.MaxClients):
		c.complain(append(at, "connections"), "wave %q: write 1 to %d connections", w.Name, load.MaxClients)
	}
	if slices.Contains(requestVectors, w.Vector) {
		return
	}
	if w.Solve > 0 || w.Stamps != "" || w.Pass != "" || w.Query != "" || len(w.Paths) > 0 && vectorPaths[w.Vector] == nil {
		c.complain(at, "wave %q: %s has no solve, stamps, pass or query, and paths only where it asks for one", w.Name, w.Vector)
	}
}

// packets checks what a drill of packets cannot do.
func (c *checker) packets(s *Scenario) {
	if !s.Packets() {
		return
	}
	if len(s.Shops) > maxPacketShops {
		c.complain(path{"shops"}, "%d shops: a drill of packets has room for %d", len(s.Shops), maxPacketShops)
	}
	if len(s.Chaos) > 0 {
		c.complain(path{"chaos"}, "a drill of packets has no edges to break: leave chaos out")
	}
	end := Span(0)
	for _, w := range s.pulses() {
		switch {
		case !w.Vector.IsPackets():
			c.complain(path{"waves"}, "wave %q: %s and packets do not go together: write a scenario for each", w.Name, w.Vector)
		case len(w.Shops) > 1 || w.At < end:
			c.complain(path{"waves"}, "wave %q at %s: write waves of packets one after the other, at one shop each", w.Name, w.At)
		}
		end = max(end, w.At+w.For)
	}
}
