package incident

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

var (
	anID   = regexp.MustCompile(`^\d{8}-\d{4}(\.tier|-[a-z0-9-]{1,40})$`)
	aDay   = regexp.MustCompile(`^\d{8}-\d{4}$`)
	aName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	aNet   = regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}-[0-9a-hjkmnp-tv-z]{4}$`)
	oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// mostCount bounds counts, so that sums of them do not overflow.
const mostCount = 1 << 50

// check returns what is wrong with a record that was read.
func (r *Record) check() error {
	switch {
	case r.V != Version:
		return fmt.Errorf("version %d: this program reads version %d", r.V, Version)
	case !anID.MatchString(r.ID):
		return fmt.Errorf("not a valid ID: %.60q", r.ID)
	case r.Campaign != "" && !aDay.MatchString(r.Campaign):
		return fmt.Errorf("not a valid campaign: %.60q", r.Campaign)
	case r.Merged != "" && !anID.MatchString(r.Merged):
		return fmt.Errorf("not a valid ID of the incident that goes on: %.60q", r.Merged)
	case (r.Merged == "") != (len(r.Shops) > 0):
		return errors.New("it needs shops, or the ID of the incident that has them")
	case len(r.Shops) > MaxShops:
		return fmt.Errorf("%d shops, more than %d", len(r.Shops), MaxShops)
	case r.vectors() > maxAllKinds:
		return fmt.Errorf("more than %d vectors", maxAllKinds)
	}
	if err := checkTimes(true, &r.Onset, &r.Until); err != nil {
		return err
	}
	if err := checkTimes(false, &r.Closed); err != nil {
		return err
	}
	if err := r.checkSpan(); err != nil {
		return err
	}
	return errors.Join(r.checkShops(), r.checkLists())
}

// longest is how long an incident can last: a year.
const longest = 366 * 24 * time.Hour

// checkSpan refuses seconds that are far apart: plots have points for all between them.
func (r *Record) checkSpan() error {
	if lasted := r.Until.Sub(r.Onset); lasted < 0 || lasted > longest {
		return fmt.Errorf("it ends %s after its onset", lasted)
	}
	return nil
}

// isNear reports whether a time is near those of the incident.
func (r *Record) isNear(t time.Time) bool {
	return t.After(r.Onset.Add(-longest)) && t.Before(r.Until.Add(longest))
}

func (r *Record) checkShops() error {
	known := map[shop.ID]bool{}
	for _, s := range r.Shops {
		if s == nil || known[s.ID] {
			return errors.New("a shop is missing or duplicate")
		}
		known[s.ID] = true
		if s.ID == "" && len(r.Shops) > 1 {
			return errors.New("the tier shares an incident with shops")
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("shop %.60q: %w", s.ID, err)
		}
		if !r.isNear(s.From) {
			return fmt.Errorf("shop %.60q: counted from %s on", s.ID, s.From)
		}
	}
	return nil
}

func (s *Shop) check() error {
	if _, err := shop.ParseID(string(s.ID)); err != nil && s.ID != "" {
		return err
	}
	if err := checkTimes(true, &s.From); err != nil {
		return err
	}
	c := &s.Customers
	if err := checkCounts(c.Requests, c.Bad, c.Asked, c.CameBack, c.Lost, s.Orders.Placed, int64(s.Orders.Unknown),
		s.Health.WorstWait, int64(s.Health.SickSeconds)); err != nil {
		return err
	}
	if err := checkCounts(s.Stopped[:]...); err != nil {
		return err
	}
	switch {
	case c.Bad > c.Requests:
		return errors.New("more requests of customers were bad than there were")
	case s.Orders.Expected < 0 || s.Orders.Expected > mostCount:
		return errors.New("not a valid number of expected orders")
	case !isLevel(s.Level) || !isLevel(s.TopLevel):
		return errors.New("not a valid level")
	case len(s.Vectors) == 0 || len(s.Vectors) > maxVectors:
		return fmt.Errorf("%d vectors: want 1 to %d", len(s.Vectors), maxVectors)
	case len(s.Window) > maxWindow:
		return fmt.Errorf("a window of %d seconds: want at most %d", len(s.Window), maxWindow)
	}
	for _, p := range s.Window {
		if err := checkCounts(p[:]...); err != nil {
			return err
		}
	}
	known := map[string]bool{}
	for _, v := range s.Vectors {
		if v == nil || known[v.Vector] {
			return errors.New("a vector is missing or duplicate")
		}
		known[v.Vector] = true
		if err := v.check(); err != nil {
			return fmt.Errorf("vector %.40q: %w", v.Vector, err)
		}
	}
	return s.Series.check()
}

func isLevel(n int) bool { return n >= 0 && n < shop.Levels }

func (v *Vector) check() error {
	if !aName.MatchString(v.Vector) {
		return errors.New("not a valid name")
	}
	if err := checkTimes(true, &v.Onset, &v.Detected, &v.LastHeat); err != nil {
		return err
	}
	if err := checkTimes(false, &v.Alerted, &v.Acted, &v.Effective, &v.Over, &v.Fell); err != nil {
		return err
	}
	if err := checkCounts(int64(v.Judged), int64(v.HarmSeconds), v.CustomersAfter, v.ServedAfter, v.Peak, v.Arrived, v.Sources); err != nil {
		return err
	}
	if v.ServedAfter > v.CustomersAfter || !v.Effective.IsZero() && (v.Judged == 0 || v.Effective.Before(v.Onset)) || v.Detected.Before(v.Onset) {
		return errors.New("its times or counts contradict each other")
	}
	if len(v.Nets) > maxNets {
		return fmt.Errorf("%d subnets, more than %d", len(v.Nets), maxNets)
	}
	for _, n := range v.Nets {
		if !aNet.MatchString(n.Net) || !(n.Share >= 0 && n.Share <= 1) {
			return errors.New("not a valid subnet")
		}
	}
	return nil
}

// checkTimes refuses what is not a whole second of our time, and makes it UTC.
func checkTimes(needed bool, times ...*time.Time) error {
	for _, t := range times {
		if t.IsZero() && !needed {
			*t = time.Time{}
			continue
		}
		if t.Before(oldest) || t.Year() > 2200 || t.Nanosecond() != 0 {
			return fmt.Errorf("not a valid time: %v", *t)
		}
		*t = t.UTC()
	}
	return nil
}

func checkCounts(counts ...int64) error {
	for _, n := range counts {
		if n < 0 || n > mostCount {
			return fmt.Errorf("not a valid count: %d", n)
		}
	}
	return nil
}

// checkLists bounds the lists, and cleans their texts once more.
func (r *Record) checkLists() error {
	if len(r.Levels) > maxLevels || len(r.People) > maxPeople || len(r.Notes) > maxNotes || len(r.Gaps) > maxGaps ||
		len(r.Edges) > maxEdges || r.LeftOut < 0 || r.LeftOut > math.MaxInt32 {
		return errors.New("a list has too many entries")
	}
	for i := range r.Levels {
		l := &r.Levels[i]
		if _, err := shop.ParseID(string(l.Shop)); err != nil && l.Shop != "" || !isLevel(l.From) || !isLevel(l.To) {
			return errors.New("not a valid change of a level")
		}
		l.By, l.Why = clean(l.By, maxName), clean(l.Why, maxWords)
		if err := checkTimes(true, &l.At); err != nil {
			return err
		}
	}
	for acts, most := range map[*[]Act]int{&r.People: maxWords, &r.Notes: maxNote} {
		for i := range *acts {
			a := &(*acts)[i]
			a.Who, a.Text = clean(a.Who, maxName), clean(a.Text, most)
			if err := checkTimes(true, &a.At); err != nil {
				return err
			}
		}
	}
	for i := range r.Gaps {
		g := &r.Gaps[i]
		g.Why = clean(g.Why, maxName)
		if err := checkTimes(true, &g.From, &g.To); err != nil {
			return err
		}
		if g.To.Before(g.From) || !r.isNear(g.From) || !r.isNear(g.To) {
			return errors.New("a gap ends before it begins, or is not near the incident")
		}
	}
	for i := range r.Edges {
		r.Edges[i] = clean(r.Edges[i], maxName)
	}
	return nil
}
