package limit

import (
	"net/http"
	"slices"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// ban requests a ban for the length of the penalty that has just begun, if the zone
// counts single clients and is not in shadow mode.
func (h *Handler) ban(z *Zone, d counters.Decision, v *shop.Visit, r *http.Request) {
	if d.Began && !z.shadow && z.keyedByAddress() {
		h.app.Ban(r, v, z.cause, z.Name, d.Wait)
	}
}

// keyedByAddress reports whether the zone's key includes the client's address. With a
// placeholder alone many addresses can share a bucket, and one would be banned for what
// another did.
func (z *Zone) keyedByAddress() bool { return slices.Contains(z.Key, "client") }

// causeOf returns the cause of the zone's bans: the stage whose refusals it counts,
// otherwise the limit.
func (z *Zone) causeOf() ban.Cause {
	if cause, err := ban.ParseCause(z.RefusedBy); err == nil && cause != ban.Manual {
		return cause
	}
	return ban.ByLimit
}

// forget resets the client's buckets. The buckets of zones whose key has more than the
// address cannot be found by it.
func (h *Handler) forget(c shield.Client) {
	v := &shop.Visit{Shop: h.Shop, Client: c.Client, Subnet: c.Subnet, Start: c.Now}
	for _, z := range h.Zones {
		if !z.values && slices.Equal(z.Key, []string{"client"}) {
			h.store.Forget(z.keyOf(v, nil))
		}
	}
}
