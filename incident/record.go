package incident

import (
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Version is that of the format of records. A newer one may add fields, which older readers
// ignore; if it changes the meaning of one, it has another version.
const Version = 1

// The bounds of a record.
const (
	MaxRecord   = 64 << 10 // bytes, as stored
	MaxShops    = 32
	maxVectors  = 8  // of one shop
	maxAllKinds = 40 // of all its shops
	maxNets     = 5
	maxLevels   = 48
	maxPeople   = 32
	maxNotes    = 16
	maxGaps     = 32
	maxEdges    = 32
	maxWords    = 200 // bytes of a reason or an act
	maxNote     = 300
	maxName     = 40 // of an operator or an edge
)

// Record is what is kept of one attack. Its times are whole seconds in UTC; a time that is
// zero has not come, or was not seen.
type Record struct {
	V        int       `json:"v"`
	ID       string    `json:"id"` // 20261129-1042-loewen, or 20261129-1042.tier
	Campaign string    `json:"campaign,omitempty"`
	Onset    time.Time `json:"onset"`           // the first of all vectors
	Until    time.Time `json:"until"`           // the last second that it covers
	Closed   time.Time `json:"closed,omitzero"` // when it ended, quiet minutes included
	Merged   string    `json:"merged,omitempty"`

	Shops []*Shop `json:"shops"`

	Levels []LevelChange `json:"levels,omitempty"`
	People []Act         `json:"people,omitempty"`
	Notes  []Act         `json:"notes,omitempty"`
	Gaps   []Gap         `json:"gaps,omitempty"`
	Edges  []string      `json:"edges,omitempty"`

	// Entries that exceeded a bound and are missing above.
	LeftOut int `json:"left_out,omitempty"`

	resumed bool // and no second since
}

// Shop is what an attack was for one shop or, without an ID, for the tier: packets and
// handshakes have no shop.
type Shop struct {
	ID        shop.ID   `json:"shop,omitempty"`
	From      time.Time `json:"from"` // the first second that was counted
	Vectors   []*Vector `json:"vectors"`
	Level     int       `json:"level"` // at the end
	TopLevel  int       `json:"top_level"`
	Stopped   Stopped   `json:"stopped"`
	Customers Customers `json:"customers"`
	Orders    Orders    `json:"orders"`
	Health    Health    `json:"health"`
	Series    Series    `json:"series"`

	// While the incident is open: the last seconds, which are not judged yet, so that
	// another leader can go on.
	Window []packedTick `json:"window,omitempty"`

	judge judge
}

// Vector is one kind of attack on one shop.
type Vector struct {
	Vector   string `json:"vector"`             // as watch.Vector names it; a newer edge may know more
	Prepared bool   `json:"prepared,omitempty"` // a control that was in force before stopped it first

	Onset     time.Time `json:"onset"`
	Detected  time.Time `json:"detected,omitzero"`
	Alerted   time.Time `json:"alerted,omitzero"`
	Acted     time.Time `json:"acted,omitzero"`
	Effective time.Time `json:"effective,omitzero"`
	LastHeat  time.Time `json:"last_heat"`
	Over      time.Time `json:"over,omitzero"`

	// The first second of the window in which customers fell below WellServed.
	Fell time.Time `json:"fell,omitzero"`

	// Seconds since the onset whose window could be judged. None: not measurable.
	Judged int `json:"judged"`

	// Seconds in which customers were served badly or, without customers, the shop was sick.
	HarmSeconds int `json:"harm_seconds"`

	// Requests of customers since it was effective, and those that were served well.
	CustomersAfter int64 `json:"customers_after"`
	ServedAfter    int64 `json:"served_after"`

	Peak    int64 `json:"peak_per_second"`
	Arrived int64 `json:"arrived"` // requests, connections or packets

	Sources int64 `json:"sources,omitempty"` // different clients, estimated
	Nets    []Net `json:"nets,omitempty"`    // the subnets that sent most
}

// Net is a subnet, by the keyed hash of the day, and its share of what arrived.
type Net struct {
	Net   string  `json:"net"` // such as efr3-yz60
	Share float64 `json:"share"`
}

// Customers is how visitors with a stamp or a pass fared, and how often visitors were asked
// for proof of work: attackers too.
type Customers struct {
	Requests int64 `json:"requests"`
	Bad      int64 `json:"bad"` // of these: 5xx, slow, or refused for the whole shop
	Asked    int64 `json:"asked"`
	CameBack int64 `json:"came_back"` // with a solution
	Lost     int64 `json:"lost"`      // clients that closed the connection before the answer
}

// ServedShare is the share of requests that were served well, and false without any.
func (c Customers) ServedShare() (share float64, ok bool) {
	if c.Requests == 0 {
		return 0, false
	}
	return 1 - float64(c.Bad)/float64(c.Requests), true
}

// Orders are those that customers placed, and how many they usually place in such a time.
type Orders struct {
	Placed   int64   `json:"placed"`
	Expected float64 `json:"expected"`
	Unknown  int     `json:"unknown_seconds,omitempty"` // for which nothing was expected yet
}

// Health is how the shop itself bore it.
type Health struct {
	WorstWait   int64 `json:"worst_wait_ms"`
	SickSeconds int   `json:"sick_seconds"`
}

// LevelChange is a change of a shop's level.
type LevelChange struct {
	At   time.Time `json:"at"`
	Shop shop.ID   `json:"shop,omitempty"`
	From int       `json:"from"`
	To   int       `json:"to"`
	By   string    `json:"by"` // watch, or an operator
	Why  string    `json:"why"`
}

// Act is what an operator did, or noted.
type Act struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	Text string    `json:"text"`
}

// Gap is a time without data, both seconds included.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

// Seconds is how long the gap is.
func (g Gap) Seconds() int { return int(g.To.Sub(g.From)/time.Second) + 1 }

// IsTier reports whether the record is of packets and handshakes, which have no shop.
func (r *Record) IsTier() bool { return len(r.Shops) == 1 && r.Shops[0].ID == "" }

// isOver reports whether every vector has ended.
func (r *Record) isOver() bool {
	for _, s := range r.Shops {
		for _, v := range s.Vectors {
			if v.Over.IsZero() {
				return false
			}
		}
	}
	return true
}
