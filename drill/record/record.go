// Package record keeps what the customers and the attackers of a drill saw, second
// by second, and computes the figures of its report.
//
// It is arithmetic: the caller passes the time. A request belongs to the second
// in which it was due, not to the one in which its answer came, so a target that
// stops answering cannot hide the requests that waited for it (coordinated
// omission). What could not be measured is said to be so and meets no target.
package record

import (
	"slices"
	"sync"
	"time"
)

// An Outcome is what became of one request of an attack.
type Outcome int

// The outcomes.
const (
	Served     Outcome = iota // the shop's page
	Limited                   // 429
	Challenged                // asked for proof of work
	Forbidden                 // 403
	Failed                    // 5xx
	Unanswered                // no connection, or no answer in time
	Outcomes
)

var outcomeNames = [Outcomes]string{"served", "limited", "challenged", "forbidden", "failed", "unanswered"}

func (o Outcome) String() string { return outcomeNames[o] }

// Stopped reports whether a control answered instead of the shop.
func (o Outcome) Stopped() bool { return o == Limited || o == Challenged || o == Forbidden }

// A Second is what was due in one second at one shop.
type Second struct {
	Pages     int  `json:"pages"` // pages and forms that customers wanted
	Good      int  `json:"good"`  // of these, answered as they should be
	Refused   int  `json:"refused"`
	Pictures  int  `json:"pictures"`
	Broken    int  `json:"broken_pictures"`
	Worst     int  `json:"worst_ms"` // of the pages
	Asked     int  `json:"asked"`    // challenges of customers
	Blackhole bool `json:"blackhole,omitempty"`

	Attack [Outcomes]int `json:"attack"` // by outcome
	Level  int           `json:"level"`  // -1: not known
}

// Sent is how many requests of attacks there were.
func (s *Second) Sent() (n int) {
	for _, v := range s.Attack {
		n += v
	}
	return n
}

// Stopped is how many of these a control stopped.
func (s *Second) Stopped() (n int) {
	for o, v := range s.Attack {
		if Outcome(o).Stopped() {
			n += v
		}
	}
	return n
}

// A Recorder takes in what happens while a drill runs. Its methods may be called
// by many goroutines.
type Recorder struct {
	begin time.Time

	mu    sync.Mutex
	shops map[string]*Shop
	waves []*Wave

	queued time.Duration
}

// A Shop is what happened at one shop.
type Shop struct {
	Name    string   `json:"name"`
	Seconds []Second `json:"seconds"`

	Visits    Visits      `json:"visits"`
	Orders    Orders      `json:"orders"`
	Latency   Latency     `json:"latency"`
	Solving   Latency     `json:"solving"` // of a challenge, by customers with scripts
	Waited    int         `json:"waited"`  // customers without scripts that waited for a pass
	known     []time.Time // when known customers were challenged first
	latencies []time.Duration
	solvings  []time.Duration
}

// Visits are those of customers.
type Visits struct {
	Begun           int `json:"begun"`
	Ended           int `json:"ended"`      // as the customer wanted
	Challenged      int `json:"challenged"` // customers that were, at least once
	ChallengedKnown int `json:"challenged_known"`

	// Of these, first at level 2 or below, where a stamp from before the attack opens the shop.
	ChallengedKnownAt2 int `json:"challenged_known_at_2"`

	// What ended the others, and how often.
	BrokenOff map[string]int `json:"broken_off,omitempty"`
}

// Orders are those of customers, compared with what the shop has.
type Orders struct {
	Wanted    int `json:"wanted"`    // customers that came to order
	Submitted int `json:"submitted"` // forms that were sent
	Placed    int `json:"placed"`    // the shop has it, once
	Lost      int `json:"lost"`      // submitted, and the shop does not have it
	Doubled   int `json:"doubled"`   // the shop has it more than once
}

// Latency are quantiles of all, in milliseconds.
type Latency struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// A Wave is one attack at one shop.
type Wave struct {
	Name   string        `json:"name"`
	Shop   string        `json:"shop"`
	Vector string        `json:"vector"`
	At     time.Duration `json:"at_ns"`
	For    time.Duration `json:"for_ns"`
	From   int           `json:"sources"`

	Due    int           `json:"due"`
	Sent   int           `json:"sent"`
	Missed int           `json:"missed"`
	Got    [Outcomes]int `json:"got"`

	// Seconds after its begin; nil: it did not happen.
	Detected  *int `json:"detected_s"`
	Acted     *int `json:"acted_s"`
	Effective *int `json:"effective_s"`

	// Why there is no Effective, or what to know of it.
	Note string `json:"note,omitempty"`
}

// New makes a recorder of a run that begins then.
func New(begin time.Time, length time.Duration, shops []string) *Recorder {
	r := &Recorder{begin: begin, shops: make(map[string]*Shop, len(shops))}
	for _, name := range shops {
		s := &Shop{Name: name, Seconds: make([]Second, int((length+time.Second-1)/time.Second))}
		for i := range s.Seconds {
			s.Seconds[i].Level = -1
		}
		s.Visits.BrokenOff = map[string]int{}
		r.shops[name] = s
	}
	return r
}

// second is that of the time. What is due before the begin or after the end, such as
// the last pages of visits, belongs to none.
func (r *Recorder) second(s *Shop, at time.Time) *Second {
	since := at.Sub(r.begin)
	if i := int(since / time.Second); since >= 0 && i < len(s.Seconds) {
		return &s.Seconds[i]
	}
	return new(Second)
}

// A Page is one page or form that a customer wanted.
type Page struct {
	Due     time.Time
	Took    time.Duration // from Due to the last byte, with all that had to be solved
	Good    bool
	Refused bool // by the edge: 403 or 429
	Picture bool // what belongs to a page, instead of a page
}

// Page records a page of a customer.
func (r *Recorder) Page(shop string, p Page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shops[shop]
	at := r.second(s, p.Due)
	if p.Picture {
		at.Pictures++
		if !p.Good {
			at.Broken++
		}
		return
	}
	at.Pages++
	at.Worst = max(at.Worst, int(p.Took/time.Millisecond))
	if p.Good {
		at.Good++
	}
	if p.Refused {
		at.Refused++
	}
	s.latencies = append(s.latencies, p.Took)
}

// Solved records a challenge that a customer solved, and how long it waited before for
// the generator, which solves one after the other.
func (r *Recorder) Solved(shop string, at time.Time, took, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shops[shop]
	r.second(s, at).Asked++
	s.solvings = append(s.solvings, took)
	r.queued = max(r.queued, waited)
}

// Waited records a challenge that a customer without scripts waited for.
func (r *Recorder) Waited(shop string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shops[shop]
	r.second(s, at).Asked++
	s.Waited++
}

// A Visit is how one ended.
type Visit struct {
	Known, Challenged, Buys, Submitted bool

	ChallengedAt time.Time // when the page was due that was challenged first
	BrokenOff    string    // what ended it; empty: nothing
}

// Visit records the end of a visit.
func (r *Recorder) Visit(shop string, v Visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shops[shop]
	s.Visits.Begun++
	if v.BrokenOff == "" {
		s.Visits.Ended++
	} else {
		s.Visits.BrokenOff[v.BrokenOff]++
	}
	if v.Challenged {
		s.Visits.Challenged++
		if v.Known {
			s.Visits.ChallengedKnown++
			s.known = append(s.known, v.ChallengedAt)
		}
	}
	if v.Buys {
		s.Orders.Wanted++
	}
	if v.Submitted {
		s.Orders.Submitted++
	}
}

// Queued is the longest that a customer waited for the generator to solve.
func (r *Recorder) Queued() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queued
}

// Orders records what the shop says of the orders that were submitted.
func (r *Recorder) Orders(shop string, placed, lost, doubled int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.shops[shop].Orders
	o.Placed, o.Lost, o.Doubled = placed, lost, doubled
}

// Level records the level of a shop.
func (r *Recorder) Level(shop string, at time.Time, level int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.shops[shop]; s != nil {
		second := r.second(s, at)
		second.Level = max(second.Level, level)
	}
}

// Blackhole records that the shop was null-routed.
func (r *Recorder) Blackhole(shop string, from, to time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shops[shop]
	for i := range s.Seconds {
		at := time.Duration(i) * time.Second
		s.Seconds[i].Blackhole = s.Seconds[i].Blackhole || at < to && from < at+time.Second
	}
}

// Wave begins the record of a wave; what it returns records its requests.
func (r *Recorder) Wave(w Wave) (sent func(due time.Time, o Outcome)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waves = append(r.waves, &w)
	s := r.shops[w.Shop]
	return func(due time.Time, o Outcome) {
		r.mu.Lock()
		defer r.mu.Unlock()
		w.Sent++
		w.Got[o]++
		r.second(s, due).Attack[o]++
	}
}

// Missed records how many requests of a wave were due, and how many could not be
// sent.
func (r *Recorder) Missed(name, shop string, at time.Duration, due, missed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.waves {
		if w.Name == name && w.Shop == shop && w.At == at {
			w.Due, w.Missed = due, missed
		}
	}
}

// Between returns the seconds of a shop that begin in this part of the run, as they are
// at this moment.
func (r *Recorder) Between(shop string, from, to time.Duration) []Second {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.shops[shop].Seconds
	first := min(max(0, int((from+time.Second-1)/time.Second)), len(all))
	last := min(max(first, int((to+time.Second-1)/time.Second)), len(all))
	return slices.Clone(all[first:last])
}

// Add adds the counts of another second.
func (s *Second) Add(o *Second) {
	s.Pages, s.Good, s.Refused = s.Pages+o.Pages, s.Good+o.Good, s.Refused+o.Refused
	s.Pictures, s.Broken, s.Asked = s.Pictures+o.Pictures, s.Broken+o.Broken, s.Asked+o.Asked
	for i, n := range o.Attack {
		s.Attack[i] += n
	}
	s.Worst, s.Level = max(s.Worst, o.Worst), max(s.Level, o.Level)
	s.Blackhole = s.Blackhole || o.Blackhole
}
