package incidents

import (
	"slices"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
)

// Summary is what a list shows of an incident.
type Summary struct {
	ID       string    `json:"id"`
	Campaign string    `json:"campaign,omitempty"`
	Merged   string    `json:"merged,omitempty"` // the incident that it went on as
	Onset    time.Time `json:"onset"`
	Until    time.Time `json:"until"`           // the last second that it covers
	Closed   time.Time `json:"closed,omitzero"` // absent: it is open

	Shops   []shop.ID `json:"shops"` // none: the tier
	Vectors []string  `json:"vectors"`
	Level   int       `json:"level"` // the highest
	Peak    int64     `json:"peak_per_second"`
	Arrived int64     `json:"arrived"`
	Sources int64     `json:"sources,omitempty"`

	Customers int64 `json:"customers"` // their requests
	Bad       int64 `json:"bad"`       // of these, served badly

	Orders         int64    `json:"orders"`
	OrdersExpected *float64 `json:"orders_expected"` // nil: nobody knows

	// Of all its lines of the ledger the longest times, in seconds, and the worst result.
	Detect      *int64          `json:"detect"`
	Mitigate    *int64          `json:"mitigate"`
	HarmSeconds int64           `json:"harm_seconds"`
	Result      incident.Result `json:"result,omitempty"` // none: it went on as another
}

// worse orders results.
var worse = map[incident.Result]int{"": 0, incident.Met: 1, incident.NotMeasurable: 2, incident.StillOpen: 3, incident.Missed: 4}

// summaryOf sums up a record and its lines of the ledger.
func summaryOf(rec *incident.Record, lines []incident.Line) Summary {
	s := Summary{
		ID: rec.ID, Campaign: rec.Campaign, Merged: rec.Merged, Onset: rec.Onset, Until: rec.Until, Closed: rec.Closed,
		Shops: []shop.ID{}, Vectors: []string{}, OrdersExpected: new(0.0),
	}
	seen := map[string]bool{}
	for _, of := range rec.Shops {
		if of.ID != "" {
			s.Shops = append(s.Shops, of.ID)
		}
		s.Level = max(s.Level, of.TopLevel)
		s.Customers += of.Customers.Requests
		s.Bad += of.Customers.Bad
		s.Orders += of.Orders.Placed
		switch {
		case of.Orders.Unknown > 0:
			s.OrdersExpected = nil
		case s.OrdersExpected != nil:
			*s.OrdersExpected += of.Orders.Expected
		}
		for _, v := range of.Vectors {
			if !seen[v.Vector] {
				seen[v.Vector] = true
				s.Vectors = append(s.Vectors, v.Vector)
			}
			s.Peak, s.Arrived, s.Sources = max(s.Peak, v.Peak), s.Arrived+v.Arrived, max(s.Sources, v.Sources)
		}
	}
	for _, l := range lines {
		s.Detect, s.Mitigate = longer(s.Detect, l.Detect), longer(s.Mitigate, l.Mitigate)
		s.HarmSeconds = max(s.HarmSeconds, l.HarmSeconds)
		if worse[l.Result] > worse[s.Result] {
			s.Result = l.Result
		}
	}
	return s
}

func longer(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// overlaps reports whether two incidents are of a common shop, at the same time.
func (s *Summary) overlaps(other *Summary) bool {
	if s.Until.Before(other.Onset) || other.Until.Before(s.Onset) {
		return false
	}
	if len(s.Shops) == 0 && len(other.Shops) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Shops, other.isOf)
}

func (s *Summary) isOf(id shop.ID) bool {
	return slices.Contains(s.Shops, id)
}
