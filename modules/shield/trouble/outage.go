package trouble

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
)

// outageAfter is how long the store is lost before people are told: a fail-over is shorter.
const outageAfter = 30 * time.Second

// Outage is a time without the shared store. Each edge tells of its own.
type Outage struct{ trouble }

// Step returns what is to be told now of the store of an edge; nil: nothing.
func (o *Outage) Step(now time.Time, node string, s counters.Status) *alert.Event {
	switch isLost := s.Kind != "memory" && !s.Shared; {
	case isLost && now.Sub(s.Since) >= outageAfter:
		return o.begin(alert.Event{
			Incident: "store-lost/" + node, Kind: alert.StoreLost, Severity: alert.Error, ShopName: "edge " + node,
			At: now, Starts: s.Since, Words: fmt.Sprintf("The edge %s has not reached the shared store for %v. It enforces its share of every limit; "+
				"bans and levels do not travel. `theriac shield status` at the edge says why.", node, now.Sub(s.Since).Round(time.Second)),
			Details: []alert.Detail{{Label: "Edges that shared the store", Value: strings.Join(s.Nodes, ", ")}},
		})
	case !isLost:
		return o.end(now, func(begun *alert.Event) string {
			return fmt.Sprintf("%s shares its counts again, after %v.", begun.ShopName, now.Sub(begun.Starts).Round(time.Second))
		})
	}
	return nil
}
