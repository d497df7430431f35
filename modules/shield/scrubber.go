package shield

import (
	"fmt"
	"maps"
	"net/netip"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
)

// checkScrubd refuses an address that is not a unix socket: whatever can connect
// to the daemon decides whose packets are dropped.
func checkScrubd(address string) error {
	if address == "" {
		return nil
	}
	if at, err := caddy.ParseNetworkAddress(address); err != nil || at.Network != "unix" {
		return fmt.Errorf("invalid address of scrubd %q: want a unix socket, such as unix//run/scrubd/scrubd.sock", address)
	}
	return nil
}

// newScrubber returns the client of the scrubber, which has none to talk to until
// a configuration is in force.
func (rt *runtime) newScrubber() *client.Client {
	return client.New(client.Options{Node: rt.node, Renew: rt.renew, OnChange: rt.scrubberChanged, OnHit: rt.bans.CountPackets})
}

// scrubd is where scrubd listens, in the configuration in force.
func (rt *runtime) scrubd() (address string) {
	rt.tell(func(a *App) { address = a.Scrubd })
	return address
}

// scrubberChanged tells operators, once, that the scrubber answers or not.
func (rt *runtime) scrubberChanged(is client.Status) {
	owner := rt.owner.Load()
	switch {
	case owner == nil:
	case is.Answers:
		owner.log.Info("the scrubber answers: it drops what banned clients send")
	default:
		owner.log.Error("the scrubber does not answer: until it is back, bans hold at this edge only", zap.String("reason", is.Reason))
	}
}

// mayPush reports whether the scrubber may be told to drop all of a prefix.
func (a *App) mayPush(prefix netip.Prefix) bool {
	return a.Bans.Mode == On && !a.someExempt(prefix)
}

// mayPushNow returns what the scrubber is to drop as things stand.
func (a *App) mayPushNow() map[netip.Prefix]ban.Ban {
	bans := a.runtime.bans.InForce()
	maps.DeleteFunc(bans, func(prefix netip.Prefix, _ ban.Ban) bool { return !a.mayPush(prefix) })
	return bans
}

// ScrubberStatus returns the state of the connection to the scrubber; nil where none
// is configured.
func (a *App) ScrubberStatus() *client.Status {
	if a.Scrubd == "" {
		return nil
	}
	status := a.runtime.scrubber.Status()
	return &status
}

// FindPushed returns what the scrubber reported of a prefix that was pushed to it.
func (a *App) FindPushed(prefix netip.Prefix) (client.PushState, bool) {
	return a.runtime.scrubber.Find(prefix)
}
