package shield

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/modules/shield/outbox"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/modules/shield/trouble"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// alertHooks are how what keeps the incidents hears of alerts. Each may be nil, and is set
// before the runtime starts.
type alertHooks struct {
	// accepted tells when the first receiver took the first alert of an incident, perhaps more
	// than once.
	accepted func(incident string, at time.Time)

	// open returns the last alert of each incident that is open and that this edge leads.
	open func() []alert.Event
}

// readAlerts reads the receivers of this configuration, and again what is in files.
func (a *App) readAlerts() error {
	if a.Alerts == nil {
		return nil
	}
	read := func() (string, error) { return outbox.Resolve(a.Alerts) }
	option, err := secret.Open("alerts", read, func(value string) error {
		var receivers alert.Config
		if err := json.Unmarshal([]byte(value), &receivers); err != nil {
			return fmt.Errorf("decoding the receivers: %w", err)
		}
		return a.alerts.Take(receivers, a.Node)
	})
	if err != nil {
		return err
	}
	if outbox.NamesFiles(a.Alerts) {
		a.rereads = append(a.rereads, option)
	}
	return nil
}

// Alert has the receivers told of an event. It never waits, and without receivers does nothing.
// An event that all edges know has the same incident and ID at each of them, and only the first
// edge that sends it does so.
func (a *App) Alert(e alert.Event) { a.alerts.Send(e) }

// AlertStatus returns what has become of the alerts to each receiver.
func (a *App) AlertStatus() []alert.Status { return a.alerts.Status() }

// TestAlert sends a test to one receiver, and returns what it answered.
func (a *App) TestAlert(ctx context.Context, receiver string) (said string, err error) {
	return a.alerts.Test(ctx, receiver)
}

// useAlerts has alerts sent as this configuration says.
func (a *App) useAlerts() {
	a.alerts.InForce(outbox.Edge{Log: a.log, First: a.isFirstToSend, Accepted: a.alertAccepted, Open: a.openAlerts})
}

func (a *App) alertAccepted(incident string, at time.Time) {
	if accepted := a.runtime.alertHooks.accepted; accepted != nil {
		accepted(incident, at)
	}
}

func (a *App) openAlerts() []alert.Event {
	all := append(storeOutage.Open(), edgeStrain.Open()...)
	if open := a.runtime.alertHooks.open; open != nil {
		all = append(all, open()...)
	}
	return all
}

// sentLife is how long the edges remember which alerts they have sent.
const sentLife = 24 * time.Hour

// isFirstToSend asks the store. If it is lost, this edge is.
func (a *App) isFirstToSend(ctx context.Context, e alert.Event) bool {
	sum := sha256.Sum256([]byte("alert " + e.Incident + " " + e.Kind.String() + " " + e.ID))
	first, _ := a.Store().Once(ctx, netkey.Key(sum[:len(netkey.Key{})]), sentLife)
	return first
}

// What an edge tells of itself. It is of the process: a reload does not end it, not even one with
// another store.
var (
	storeOutage trouble.Outage
	edgeStrain  trouble.Strain
)

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
				if e := storeOutage.Step(now, a.Node, rt.store.Status()); e != nil {
					a.Alert(*e)
				}
			})
		}
	}
}

// Late is told by how much the watch has judged a second late.
func (e watchedEdge) Late(by time.Duration) {
	if told := edgeStrain.Step(time.Now(), e.Node, by); told != nil {
		e.Alert(*told)
	}
}
