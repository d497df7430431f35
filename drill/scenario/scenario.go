// Package scenario reads the scenarios of drills: which shops there are, how many
// customers visit them, and which attacks come when.
//
// A scenario is strict YAML: an unknown field, a rate without a unit or a wave that
// outlasts the drill is an error that names the line and what to write. A scenario
// and its seed give one schedule, always the same, so that two runs can be
// compared. Nothing here sends anything or reads a clock.
package scenario

import "time"

// A Scenario is one drill as its author writes it.
type Scenario struct {
	Name  string `yaml:"name"`
	About string `yaml:"about"` // one line for `drill list`

	// The seed of everything that is random in the schedule.
	Seed uint64 `yaml:"seed"`

	// How long one run takes, at most MaxLength.
	For Span `yaml:"for"`

	Shops     []Shop    `yaml:"shops"`
	Customers Customers `yaml:"customers"`
	Crowds    []Crowd   `yaml:"crowds"`
	Waves     []Wave    `yaml:"waves"`
	Chaos     []Chaos   `yaml:"chaos"`
	Blackhole Blackhole `yaml:"blackhole"`
	Targets   Targets   `yaml:"targets"`
}

// A Shop bears Workers pages in PageTime.
type Shop struct {
	Name     string `yaml:"name"`
	PageTime Span   `yaml:"page_time"` // how long a page holds a worker
	PageCost Span   `yaml:"page_cost"` // of it, CPU time
	Workers  int    `yaml:"workers"`
	Queue    int    `yaml:"queue"`    // requests that may wait for a worker
	Patience Span   `yaml:"patience"` // how long they wait until they get 503

	// How many customers a second the edges have learned to be usual, over weeks. Zero: the
	// shop is new to them.
	Usual       Rate `yaml:"usual"`
	Connections int  `yaml:"connections"` // open at a time; others wait. 0: any number
}

// Customers are those of ordinary hours, for each shop.
type Customers struct {
	Arrive    Rate  `yaml:"arrive"`    // mean of a Poisson process
	Known     Share `yaml:"known"`     // have a stamp of an earlier visit
	NoScript  Share `yaml:"no_script"` // browsers without scripts
	Phones    Share `yaml:"phones"`    // change their address during the visit
	Buy       Share `yaml:"buy"`       // want to order; the others look around
	Think     Span  `yaml:"think"`     // mean time between two pages
	Addresses int   `yaml:"addresses"` // how many different ones they have
	Pictures  bool  `yaml:"pictures"`  // load what belongs to a page
	Stamps    bool  `yaml:"stamps"`    // keep the time stamp that an edge gives them
}

// A Crowd is more customers than usual, such as those of a newsletter.
type Crowd struct {
	Name   string  `yaml:"name"`
	At     Span    `yaml:"at"`
	For    Span    `yaml:"for"`
	Shop   string  `yaml:"shop"`
	Arrive Profile `yaml:"arrive"`
	Known  *Share  `yaml:"known"` // default: as of the customers
	Buy    *Share  `yaml:"buy"`   // default: as of the customers

	Pictures *bool `yaml:"pictures"` // default: as of the customers
	Stamps   *bool `yaml:"stamps"`   // default: as of the customers
}

// A Wave is one attack, or several of the same kind; or a crawler that is none.
type Wave struct {
	Name string `yaml:"name"`
	At   Span   `yaml:"at"`
	For  Span   `yaml:"for"`

	// Pulses: so many times, each beginning so long after the one before.
	Times int  `yaml:"times"`
	Every Span `yaml:"every"`

	Shop  string   `yaml:"shop"`
	Shops []string `yaml:"shops"` // instead of Shop; each gets the whole rate

	Vector Vector   `yaml:"vector"`
	Paths  []string `yaml:"paths"` // default: those of the vector
	Query  Query    `yaml:"query"`
	Agent  string   `yaml:"agent"` // the User-Agent; default: a browser's

	Rate   Profile `yaml:"rate"`
	From   int     `yaml:"from"`   // number of source addresses
	Solve  Share   `yaml:"solve"`  // of these, solve challenges
	Stamps Stamps  `yaml:"stamps"` // cookies collected before the attack
	Pass   Pass    `yaml:"pass"`   // what all of them carry

	Connections int `yaml:"connections"` // open at a time, of attacks on connections
}

// Chaos is what breaks in the shield meanwhile.
type Chaos struct {
	At  Span  `yaml:"at"`
	Do  Break `yaml:"do"`
	For Span  `yaml:"for"` // until it is repaired; default: to the end
}

// Blackhole is what a provider without a shield does: an attack above a rate is
// seen after a time, and then the shop's address is null-routed.
type Blackhole struct {
	Above Rate `yaml:"above"`
	After Span `yaml:"after"`
	Hold  Span `yaml:"hold"`
}

// Targets are what the shield must reach. Nil: nothing is asked.
type Targets struct {
	Success         *Share `yaml:"success"`          // of customers' requests, at each shop
	SuccessAfter    *Share `yaml:"success_after"`    // the same, without what comes before each wave is mitigated
	Detect          *Span  `yaml:"detect"`           // of each wave
	Effective       *Span  `yaml:"effective"`        // of each wave
	Lost            *int   `yaml:"lost"`             // orders
	Doubled         *int   `yaml:"doubled"`          // orders
	Refused         *int   `yaml:"refused"`          // customers' requests that the edge refused
	Challenged      *int   `yaml:"challenged"`       // customers
	ChallengedKnown *int   `yaml:"challenged_known"` // of these, known ones
	// Known customers, with a stamp of an earlier visit, who were challenged while their shop was at level 2 or below.
	ChallengedKnownAt2 *int `yaml:"challenged_known_at_2"`

	LevelMax  *int `yaml:"level_max"`
	Incidents *int `yaml:"incidents"`

	// Shops were attacked alike, so that all are at level 1 or above for so long after the run.
	Posture *Span `yaml:"posture"`
}

// MaxLength is how long a run may take.
const MaxLength = 30 * time.Minute

// maxFile is how large the text of a scenario may be.
const maxFile = 256 << 10

// Limits of what one scenario may ask for, beside those of package load.
const (
	maxShops    = 16
	maxWaves    = 100 // pulses counted one by one
	maxVisits   = 20_000
	maxName     = 80
	maxArrivals = 50 // customers a second at one shop
)

// defaults are what a scenario need not say.
func defaults() *Scenario {
	return &Scenario{
		Seed: 1,
		For:  Span(time.Minute),
		Customers: Customers{
			Arrive: 1, Known: 0.45, NoScript: 0.02, Phones: 0.1, Buy: 0.3,
			Think: Span(time.Second), Addresses: 1000, Pictures: true, Stamps: true,
		},
		Blackhole: Blackhole{Above: 200, After: Span(5 * time.Second), Hold: Span(20 * time.Second)},
	}
}

// fill sets what a shop and a wave need not say.
func (s *Scenario) fill() {
	for i := range s.Shops {
		p := &s.Shops[i]
		if p.PageTime == 0 {
			p.PageTime = Span(20 * time.Millisecond)
		}
		if p.Workers == 0 {
			p.Workers = 2
		}
		if p.Queue == 0 {
			p.Queue = 64
		}
		if p.Patience == 0 {
			p.Patience = Span(5 * time.Second)
		}
	}
	for i := range s.Waves {
		w := &s.Waves[i]
		w.Times = max(w.Times, 1)
		if w.Shop != "" && len(w.Shops) == 0 {
			w.Shops = []string{w.Shop}
		}
		if len(w.Paths) == 0 {
			w.Paths = vectorPaths[w.Vector]
		}
	}
}
