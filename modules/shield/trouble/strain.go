package trouble

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/alert"
)

// When an edge is too busy to judge in time.
const (
	lateBy     = 250 * time.Millisecond
	lateFor    = 10 // seconds in a row
	punctually = 60 // seconds in a row, after which it is over
)

// Strain is a time in which the edge is too busy to judge each second in time.
type Strain struct {
	trouble
	late, inTime int // seconds in a row
}

// Step takes in by how much a second was judged late, and returns what is to be told; nil:
// nothing. It is for one goroutine.
func (s *Strain) Step(now time.Time, node string, by time.Duration) *alert.Event {
	if by < lateBy {
		s.late, s.inTime = 0, s.inTime+1
	} else {
		s.late, s.inTime = s.late+1, 0
	}
	switch {
	case s.late >= lateFor:
		return s.begin(alert.Event{
			Incident: "edge-strained/" + node, Kind: alert.EdgeStrained, Severity: alert.Warning, ShopName: "edge " + node,
			At: now, Starts: now.Add(-lateFor * time.Second), Words: fmt.Sprintf("The edge %s is too busy: for %d s it has judged each second more than %v late. "+
				"Levels that it raises may be late by as much.", node, lateFor, lateBy),
			Details: []alert.Detail{{Label: "Late by", Value: by.Round(time.Millisecond).String()}},
		})
	case s.inTime >= punctually:
		return s.end(now, func(begun *alert.Event) string {
			return fmt.Sprintf("%s has judged each second in time for %d s.", begun.ShopName, punctually)
		})
	}
	return nil
}
