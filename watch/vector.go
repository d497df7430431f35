package watch

import "slices"

// Vector is a kind of attack, by what operators do about it.
type Vector uint8

// The vectors: requests, what is slow or broken below them, and packets.
const (
	GetFlood Vector = iota
	CacheBusting
	SearchFlood
	LoginGuessing
	CheckoutSpam
	FewClients  // each of a handful of clients sends far more than a customer
	SolverBots  // solve challenges in masses
	StampedBots // come with stamps that they collected before
	SlowHeader
	SlowBody
	H2Reset
	TLSFlood
	WebSocket
	WAFBodies // bodies that are dear to inspect
	SYN
	Stray // segments of no connection
	Amplification
	UDP
	Fragment
	ICMP
	Malformed
	Carpet // many addresses or shops at once, each below its own limits
	vectors
)

var vectorNames = [...]string{
	GetFlood: "get-flood", CacheBusting: "cache-busting", SearchFlood: "search-flood", LoginGuessing: "login-guessing",
	CheckoutSpam: "checkout-spam", FewClients: "few-clients", SolverBots: "solver-bots", StampedBots: "stamped-bots",
	SlowHeader: "slow-header", SlowBody: "slow-body", H2Reset: "h2-reset", TLSFlood: "tls-flood", WebSocket: "websocket-flood",
	WAFBodies: "waf-bodies", SYN: "syn", Stray: "stray", Amplification: "amplification", UDP: "udp", Fragment: "fragment",
	ICMP: "icmp", Malformed: "malformed", Carpet: "carpet",
}

// A vector added above and not named here does not compile.
var _ = [1]struct{}{}[len(vectorNames)-int(vectors)]

func (v Vector) String() string { return vectorNames[v] }

// ParseVector returns the vector of that name.
func ParseVector(name string) (v Vector, ok bool) {
	i := slices.Index(vectorNames[:], name)
	return Vector(max(i, 0)), i >= 0
}

// Vectors is the number of vectors; a Vector is an index below it.
const Vectors = int(vectors)
