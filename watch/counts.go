package watch

// Counts is what one edge has counted of one shop. The counters only grow, from the start of
// the process; the gauges are as they are at the moment. Requests of partners are in none of
// them, and neither is what the challenge serves itself.
type Counts struct {
	Arrived [Streams]uint64 // requests, however they ended
	Vouched [Streams]uint64 // of these, with a valid stamp or pass
	Through [Streams]uint64 // of these, passed to the backend
	Assets  uint64          // requests of assets that arrived

	Answered uint64 // by the backend: dynamic requests, when the answer is sent or goes on
	Bad      uint64 // of these 5xx, or later than Expected.Slow
	Crowded  uint64 // refused by a limit of the whole shop
	Hidden   uint64 // connections and packets of this shop's banned clients that never became requests

	Customers uint64 // answers to visitors with a stamp or pass, dynamic requests only
	Served    uint64 // of these, neither 5xx nor slow nor refused for the whole shop
	Asked     uint64 // challenges sent
	Solved    uint64 // and solved
	Gone      uint64 // clients that closed the connection before the answer
	Orders    uint64 // 2xx and 3xx to POST at checkout
	Stopped   [Controls]uint64

	Waiting  uint32 // gauge: arrived, and not a byte of the answer sent yet
	Distinct uint32 // gauge: different clients without stamp or pass in the last ten seconds
}

// Control is a part that stops requests, or what would become one.
type Control uint8

// The controls, in the order in which a request meets them.
const (
	ByScrub Control = iota // packets, by the scrubber
	ByGate                 // connections, before TLS
	ByBan
	ByLimit
	ByChallenge
	ByFirewall
	controls
)

var controlNames = [...]string{
	ByScrub: "scrub", ByGate: "gate", ByBan: "ban", ByLimit: "limit", ByChallenge: "challenge", ByFirewall: "waf",
}

// A control added above and not named here does not compile.
var _ = [1]struct{}{}[len(controlNames)-int(controls)]

func (c Control) String() string { return controlNames[c] }

// Controls is the number of controls; a Control is an index below it.
const Controls = int(controls)

// Second is what all edges together, or one alone, saw of a shop in one second.
type Second struct {
	Strangers [Streams]int // arrived without stamp or pass; refused and challenged ones included
	Vouched   [Streams]int // arrived with one
	Through   [Streams]int // of both, passed to the backend
	Assets    int

	Answered, Bad, Crowded, Hidden, Customers, Served, Asked, Solved, Gone, Orders int
	Stopped                                                                        [Controls]int

	Waiting  int // at its end
	Distinct int // in the ten seconds up to its end
}
