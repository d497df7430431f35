package incident

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// Result is how an agreed target fared.
type Result string

// The results. What could not be measured is neither met nor missed.
const (
	Met           Result = "met"
	Missed        Result = "missed"
	NotMeasurable Result = "not measurable"

	StillOpen Result = "open" // of an incident that is not over; the ledger has no such lines
)

// Line is the ledger's line for one vector of an incident at one shop. Its times are seconds
// since the onset; nil has not happened, or could not be measured.
type Line struct {
	V        int       `json:"v"`
	Month    string    `json:"month"` // of the onset, in UTC: 2026-11
	Incident string    `json:"incident"`
	Onset    time.Time `json:"onset"`
	Shop     shop.ID   `json:"shop,omitempty"` // none: the tier
	Vector   string    `json:"vector"`

	TargetDetect   int64 `json:"target_detect"`
	TargetMitigate int64 `json:"target_mitigate"`

	Detect   *int64 `json:"detect"`
	Alert    *int64 `json:"alert"`
	Act      *int64 `json:"act"`
	Mitigate *int64 `json:"mitigate"` // the time to mitigate

	Result Result `json:"result"`
	Breach int64  `json:"breach"` // seconds beyond the target; until the end of the attack if it never was effective

	HarmSeconds    int64    `json:"harm_seconds"`
	Consistency    *float64 `json:"consistency"` // share of customers' requests served well since it was effective
	Orders         int64    `json:"orders"`
	OrdersExpected *float64 `json:"orders_expected"` // nil: nobody knew
}

// VectorOf returns the vector that a line is about; an empty one if the record does not have it.
func (r *Record) VectorOf(l *Line) *Vector {
	for _, s := range r.Shops {
		for _, v := range s.Vectors {
			if s.ID == l.Shop && v.Vector == l.Vector {
				return v
			}
		}
	}
	return new(Vector)
}

// Ledger returns the lines of an incident, by shop and onset. They are final once it is over.
func Ledger(r *Record, targets Targets) (lines []Line) {
	for _, s := range r.Shops {
		for _, v := range s.Vectors {
			l := lineOf(r.ID, s, v, targets[groupOf(s, v)])
			if r.Closed.IsZero() {
				l.Result, l.Breach = StillOpen, 0
			}
			lines = append(lines, l)
		}
	}
	return lines
}

func lineOf(id string, s *Shop, v *Vector, target Target) Line {
	l := Line{
		V: Version, Month: v.Onset.UTC().Format(monthLayout), Incident: id, Onset: v.Onset, Shop: s.ID, Vector: v.Vector,
		TargetDetect: seconds(target.Detect), TargetMitigate: seconds(target.Effective),
		Detect: since(v.Onset, v.Detected), Alert: since(v.Onset, v.Alerted), Act: since(v.Onset, v.Acted),
		Mitigate:    since(v.Onset, v.Effective),
		HarmSeconds: int64(v.HarmSeconds), Orders: s.Orders.Placed,
	}
	if v.CustomersAfter > 0 {
		l.Consistency = new(float64(v.ServedAfter) / float64(v.CustomersAfter))
	}
	if s.Orders.Unknown == 0 {
		l.OrdersExpected = new(s.Orders.Expected)
	}
	late := int64(0)
	if l.Detect != nil {
		late = *l.Detect - l.TargetDetect
	}
	switch {
	case l.Mitigate != nil:
		l.Breach = max(0, late, *l.Mitigate-l.TargetMitigate)
	case v.Judged > 0: // customers were there, and never served well
		l.Breach = max(1, late, *since(v.Onset, v.LastHeat)-l.TargetMitigate)
	default:
		l.Breach = max(0, late)
	}
	switch {
	case l.Breach > 0:
		l.Result = Missed
	case v.Judged == 0:
		l.Result = NotMeasurable
	default:
		l.Result = Met
	}
	return l
}

const monthLayout = "2006-01"

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// since is nil for a time that has not come. What happened before the onset happened in time.
func since(onset, t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(max(0, seconds(t.Sub(onset))))
}

// Total sums up the lines of a month, for one shop.
type Total struct {
	Month         string  `json:"month"`
	Shop          shop.ID `json:"shop,omitempty"`
	Incidents     int     `json:"incidents"`
	Met           int     `json:"met"`
	Missed        int     `json:"missed"`
	NotMeasurable int     `json:"not_measurable"`
	Median        *int64  `json:"median_mitigate"` // of those that could be measured
	Worst         *int64  `json:"worst_mitigate"`
	Breach        int64   `json:"breach"`       // seconds, summed
	HarmSeconds   int64   `json:"harm_seconds"` // the same second of two vectors counts once
	Orders        int64   `json:"orders"`
	Expected      float64 `json:"orders_expected"` // where it was known
}

// Totals returns the sums of each month and shop, in this order.
func Totals(lines []Line) (totals []Total) {
	lines = slices.SortedStableFunc(slices.Values(lines), func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Shop, b.Shop), cmp.Compare(a.Incident, b.Incident))
	})
	for len(lines) > 0 {
		n := slices.IndexFunc(lines, func(l Line) bool { return l.Month != lines[0].Month || l.Shop != lines[0].Shop })
		if n < 0 {
			n = len(lines)
		}
		totals = append(totals, totalOf(lines[:n]))
		lines = lines[n:]
	}
	return totals
}

// totalOf sums up lines of one month and shop, in the order of their incidents.
func totalOf(lines []Line) Total {
	t := Total{Month: lines[0].Month, Shop: lines[0].Shop}
	var mitigated []int64
	var harm int64
	for i, l := range lines {
		if i == 0 || lines[i-1].Incident != l.Incident {
			t.Incidents++
			t.Orders += l.Orders
			if l.OrdersExpected != nil {
				t.Expected += *l.OrdersExpected
			}
			t.HarmSeconds += harm
			harm = 0
		}
		harm = max(harm, l.HarmSeconds)
		t.Breach += l.Breach
		switch l.Result {
		case Met:
			t.Met++
		case Missed:
			t.Missed++
		default:
			t.NotMeasurable++
		}
		if l.Mitigate != nil {
			mitigated = append(mitigated, *l.Mitigate)
		}
	}
	t.HarmSeconds += harm
	if n := len(mitigated); n > 0 {
		slices.Sort(mitigated)
		t.Median, t.Worst = new(mitigated[(n-1)/2]), new(mitigated[n-1])
	}
	return t
}

// maxLine bounds a ledger's line.
const maxLine = 4 << 10

// DecodeLine reads a line of the ledger, and refuses one that breaks its rules.
func DecodeLine(data []byte) (Line, error) {
	var l Line
	if len(data) > maxLine {
		return l, fmt.Errorf("reading a line of the ledger: %d bytes, more than %d", len(data), maxLine)
	}
	if err := json.Unmarshal(bytes.TrimSpace(data), &l); err != nil {
		return l, fmt.Errorf("reading a line of the ledger: %w", err)
	}
	if err := l.check(); err != nil {
		return l, fmt.Errorf("reading a line of the ledger: %w", err)
	}
	return l, nil
}

func (l *Line) check() error {
	if l.V != Version {
		return fmt.Errorf("version %d: this program reads version %d", l.V, Version)
	}
	if err := checkTimes(true, &l.Onset); err != nil {
		return err
	}
	if l.Month != l.Onset.Format(monthLayout) || !anID.MatchString(l.Incident) || !aName.MatchString(l.Vector) {
		return errors.New("not a valid month, incident or vector")
	}
	if _, err := shop.ParseID(string(l.Shop)); err != nil && l.Shop != "" {
		return err
	}
	for _, n := range []*int64{&l.TargetDetect, &l.TargetMitigate, l.Detect, l.Alert, l.Act, l.Mitigate, &l.Breach, &l.HarmSeconds, &l.Orders} {
		if n != nil {
			if err := checkCounts(*n); err != nil {
				return err
			}
		}
	}
	if l.Consistency != nil && !(*l.Consistency >= 0 && *l.Consistency <= 1) || l.OrdersExpected != nil && !(*l.OrdersExpected >= 0) {
		return errors.New("not a valid share, or number of orders")
	}
	switch l.Result {
	case Met, Missed, NotMeasurable:
		return nil
	}
	return fmt.Errorf("not a valid result: %.40q", l.Result)
}
