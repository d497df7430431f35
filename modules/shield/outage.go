package shield

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
)

// outageAfter is how long the store is lost before people are told: a fail-over is shorter.
const outageAfter = 30 * time.Second

// storeOutage is of the process: a reload, even one with another store, does not end it.
var storeOutage outage

// outage is a time without the shared store. Each edge tells of its own.
type outage struct {
	mu   sync.Mutex
	told *alert.Event // nil: none
}

// step returns what is to be told now of the store of an edge; nil: nothing.
func (o *outage) step(now time.Time, node string, s counters.Status) *alert.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	isLost := s.Kind != "memory" && !s.Shared
	switch {
	case isLost && o.told == nil && now.Sub(s.Since) >= outageAfter:
		// The incident is the same in each outage, so that one that a restart has left open ends
		// with the next.
		o.told = &alert.Event{
			Incident: "store-lost/" + node, Kind: alert.StoreLost, Severity: alert.Error, ShopName: "edge " + node,
			At: now, Starts: s.Since, Words: fmt.Sprintf("The edge %s has not reached the shared store for %v. It enforces its share of every limit; "+
				"bans and levels do not travel. `theriac shield status` at the edge says why.", node, now.Sub(s.Since).Round(time.Second)),
			Details: []alert.Detail{{Label: "Edges that shared the store", Value: strings.Join(s.Nodes, ", ")}},
		}
	case !isLost && o.told != nil:
		over := *o.told
		over.Kind, over.Severity, over.At, over.Ends, over.Details = alert.Over, alert.Info, now, now, nil
		over.Words = fmt.Sprintf("%s shares its counts again, after %v.", over.ShopName, now.Sub(over.Starts).Round(time.Second))
		over.ID = outageID(over)
		o.told = nil
		return &over
	default:
		return nil
	}
	o.told.ID = outageID(*o.told)
	told := *o.told
	return &told
}

// outageID names a change of this outage alone.
func outageID(e alert.Event) string {
	return fmt.Sprintf("%s/%d/%v", e.Incident, e.Starts.Unix(), e.Kind)
}

// open returns the outage, if there is one, as it was told.
func (o *outage) open() []alert.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told == nil {
		return nil
	}
	return []alert.Event{*o.told}
}

// watchStore is the loop that tells of the store.
func (rt *runtime) watchStore(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			rt.tell(func(a *App) {
				if e := storeOutage.step(now, a.Node, rt.store.Status()); e != nil {
					a.Alert(*e)
				}
			})
		}
	}
}
