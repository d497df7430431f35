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
func (h *house) newScrubber() *client.Client {
	return client.New(client.Options{Node: h.node, Renew: h.renew, OnChange: h.scrubberChanged})
}

// scrubberChanged tells operators, once, that the scrubber answers or not.
func (h *house) scrubberChanged(is client.Status) {
	owner := h.owner.Load()
	switch {
	case owner == nil:
	case is.Answers:
		owner.log.Info("the scrubber answers: it drops what banned clients send")
	default:
		owner.log.Error("the scrubber does not answer: until it is back, bans hold at this edge only", zap.String("reason", is.Reason))
	}
}

// mayPass reports whether the scrubber may be told to drop all of a prefix.
func (a *App) mayPass(prefix netip.Prefix) bool {
	return a.Bans.Mode == BansOn && !a.sparesSome(prefix)
}

// mayPassNow returns what the scrubber is to drop as things stand.
func (a *App) mayPassNow() map[netip.Prefix]ban.Ban {
	bans := a.house.book.inForce()
	maps.DeleteFunc(bans, func(prefix netip.Prefix, _ ban.Ban) bool { return !a.mayPass(prefix) })
	return bans
}
