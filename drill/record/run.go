package record

import (
	"cmp"
	"slices"
	"time"
)

// A Run is what one drill showed in one world.
type Run struct {
	World     string        `json:"world"` // nothing, blackhole or shield
	Notes     []string      `json:"notes,omitempty"`
	Begin     time.Time     `json:"begin"`
	Length    time.Duration `json:"length_ns"`
	Shops     []*Shop       `json:"shops"`
	Waves     []*Wave       `json:"waves"`
	Processes []Process     `json:"processes"`
	Generator Generator     `json:"generator"`
	Incidents []Incident    `json:"incidents,omitempty"` // that the shield has recorded itself
	Campaign  *Campaign     `json:"campaign,omitempty"`

	Verdicts []Verdict `json:"verdicts,omitempty"`
}

// A Process is one that the drill started, or itself.
type Process struct {
	Name string        `json:"name"`
	CPU  time.Duration `json:"cpu_ns"`
}

// Generator is what the drill knows of its own limits.
type Generator struct {
	Cores       int    `json:"cores"`
	TargetCores int    `json:"target_cores"`
	Apart       bool   `json:"apart"`        // on other cores than what it drills
	LateSeconds []int  `json:"late_seconds"` // in which it had no time to send when it should
	WorstLate   string `json:"worst_late"`
	Busy        int    `json:"customers_turned_away"` // for want of room in the generator

	// The longest that a customer waited for the generator to begin to solve its
	// challenge. It is not part of any latency.
	Queued time.Duration `json:"queued_ns"`
}

// An Incident is what the shield itself says of an attack. Its times are seconds
// since the begin of the run; nil: it says none.
type Incident struct {
	ID        string   `json:"id"`
	Shop      string   `json:"shop"`
	Vector    string   `json:"vector"`
	Onset     *float64 `json:"onset_s"`
	Detected  *float64 `json:"detected_s"`
	Effective *float64 `json:"effective_s"`
}

// A Campaign is what the shield has made of shops that were attacked alike.
type Campaign struct {
	Why     string        `json:"why"`
	Posture time.Duration `json:"posture_ns"` // how long after the end of the run all shops are at level 1 or above
}

// IncidentCount is how many incidents there are; Incidents has a line for each shop and
// vector of one.
func (run *Run) IncidentCount() int {
	ids := make(map[string]bool)
	for _, i := range run.Incidents {
		ids[i.ID] = true
	}
	return len(ids)
}

// Finish computes all figures. No more may be recorded.
func (r *Recorder) Finish(length time.Duration) *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := &Run{Begin: r.begin, Length: length, Waves: r.waves}
	for _, s := range r.shops {
		s.Latency, s.Solving = latencyOf(s.latencies), latencyOf(s.solvings)
		s.Visits.ChallengedKnownAt2 = s.knownBelow(r.begin, heavyLevel)
		run.Shops = append(run.Shops, s)
	}
	slices.SortFunc(run.Shops, func(a, b *Shop) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(run.Waves, func(a, b *Wave) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Shop, b.Shop))
	})
	for _, w := range run.Waves {
		w.judge(r.shops[w.Shop].Seconds)
	}
	return run
}

// heavyLevel is from which level on everybody is challenged, known customers included.
const heavyLevel = 3

// knownBelow is how many known customers were challenged below a level. Levels are asked once
// a second, and an edge that is busy does not answer each time: the highest of the seconds
// around counts.
func (s *Shop) knownBelow(begin time.Time, level int) (n int) {
	for _, at := range s.known {
		i := int(at.Sub(begin) / time.Second)
		top := -1
		for j := max(i-2, 0); j <= i+1 && j < len(s.Seconds); j++ {
			top = max(top, s.Seconds[j].Level)
		}
		if i < len(s.Seconds) && top < level {
			n++
		}
	}
	return n
}

// latencyOf computes quantiles: the value at or below which this part lies.
func latencyOf(all []time.Duration) (l Latency) {
	if len(all) == 0 {
		return l
	}
	slices.Sort(all)
	at := func(part float64) float64 {
		i := min(int(part*float64(len(all))), len(all)-1)
		return float64(all[i]) / float64(time.Millisecond)
	}
	return Latency{N: len(all), P50: at(0.50), P95: at(0.95), P99: at(0.99), Max: at(1)}
}

// What "effective" means: in a window, at least this share of customers' pages is
// good. It is stretched until it has enough pages to tell.
const (
	wellServed    = 0.95
	window        = 10 // seconds
	widestWindow  = 60
	enoughPages   = 10
	stoppedASec   = 100 // that a control stops, so that it counts as detected
	attackedLevel = 2
)

// judge computes the times of a wave from the seconds of its shop.
func (w *Wave) judge(seconds []Second) {
	begin := int(w.At / time.Second)
	end := min(int((w.At+w.For+time.Second-1)/time.Second), len(seconds))
	for i := begin; i < end; i++ {
		s := &seconds[i]
		if w.Acted == nil && s.Sent() > 0 && 2*s.Stopped() >= s.Sent() {
			w.Acted = new(i - begin)
		}
		if w.Detected == nil && (s.Level >= attackedLevel || s.Stopped() > stoppedASec) {
			w.Detected = new(i - begin)
		}
	}
	w.Note = "not measurable: too few customers"
	for i := begin; i < len(seconds); i++ {
		good, pages := wellFrom(seconds, i)
		if pages < enoughPages {
			return
		}
		w.Note = "customers were not served well again"
		if good < wellServed*pages {
			continue
		}
		w.Effective, w.Note = new(i-begin), ""
		if i >= end {
			w.Note = "only after the attack had ended"
		}
		return
	}
}

// wellFrom counts the pages of the window that begins at a second.
func wellFrom(seconds []Second, from int) (good, pages float64) {
	for i := from; i < min(from+widestWindow, len(seconds)); i++ {
		if i >= from+window && pages >= enoughPages {
			break
		}
		good += float64(seconds[i].Good)
		pages += float64(seconds[i].Pages)
	}
	return good, pages
}

// Success is the part of customers' pages that were good; -1 if there were none.
func (s *Shop) Success() float64 { return s.successIn(func(int) bool { return true }) }

// successIn is the same of the seconds that count.
func (s *Shop) successIn(counts func(second int) bool) float64 {
	good, pages := 0, 0
	for i := range s.Seconds {
		if counts(i) {
			good += s.Seconds[i].Good
			pages += s.Seconds[i].Pages
		}
	}
	if pages == 0 {
		return -1
	}
	return float64(good) / float64(pages)
}

// Refused is how many pages of customers the edge refused.
func (s *Shop) Refused() (n int) {
	for i := range s.Seconds {
		n += s.Seconds[i].Refused
	}
	return n
}

// Top is the highest level of the shop; -1 if it is not known.
func (s *Shop) Top() int {
	top := -1
	for i := range s.Seconds {
		top = max(top, s.Seconds[i].Level)
	}
	return top
}
