package watching

import (
	"cmp"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// View is what the watch sees of a shop, for people.
type View struct {
	Shop      shop.ID    `json:"shop"`
	Shadow    bool       `json:"shadow,omitempty"` // levels are judged and not set
	Level     shop.Level `json:"level"`            // that the watch finds right
	Words     string     `json:"words"`
	Strangers float64    `json:"strangers"` // a second; of the stream that is nearest to its threshold
	Stream    string     `json:"stream"`
	Usual     float64    `json:"usual"`     // a second
	Allowance float64    `json:"allowance"` // a second
	Sum       float64    `json:"sum"`       // of strangers above the allowance
	Threshold float64    `json:"threshold"` // of the sum, for level 1
	Clients   int        `json:"clients"`   // without stamp or pass, in ten seconds
	Suffers   bool       `json:"suffers"`
	Borne     float64    `json:"borne"`     // dynamic requests a second that the shop has answered in health
	Waiting   int        `json:"waiting"`   // requests
	Announced float64    `json:"announced"` // how many times the usual
	Hours     int        `json:"hours"`     // that the baseline was learned from
}

// Views returns what the watch sees of each shop, by name.
func (w *Watcher) Views(announced func(shop.ID) float64) []View {
	w.mu.Lock()
	defer w.mu.Unlock()
	views := make([]View, 0, len(w.shops))
	for _, s := range w.shops {
		if s.present {
			views = append(views, s.view(announced(s.ID)))
		}
	}
	slices.SortFunc(views, func(a, b View) int { return cmp.Compare(a.Shop, b.Shop) })
	return views
}

func (s *watched) view(announced float64) View {
	v := s.verdict
	if v.Threshold == 0 { // nothing came, so nothing was judged
		set := s.settings(watch.Defaults())
		v.Allowance, v.Threshold = set.Floor[watch.Page], set.Sum
		v.Usual = s.usual.Strangers[watch.Page]
	}
	return View{
		Shop: s.ID, Shadow: !s.Acts, Level: v.Level, Words: v.Words(),
		Strangers: v.Strangers, Stream: v.Stream.String(), Usual: v.Usual, Allowance: v.Allowance,
		Sum: v.Sum, Threshold: v.Threshold, Clients: v.Distinct, Suffers: v.Sick,
		Borne: s.usual.Borne, Waiting: s.second.Waiting, Announced: announced, Hours: s.baseline.Learned(),
	}
}

// Status is how the watch of this edge is.
type Status struct {
	Role   string        `json:"role"`             // leading, following or alone
	Leader string        `json:"leader,omitempty"` // the edge that leads
	Late   time.Duration `json:"late"`             // of the last second
	Edges  []string      `json:"edges"`            // whose reports have come of late
}

// Status returns how the watch of this edge is.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{Role: w.lead.Role.String(), Leader: w.lead.Leader, Late: w.late, Edges: w.nodes}
	if w.lead.Role == counters.Alone {
		s.Leader = ""
	}
	return s
}
