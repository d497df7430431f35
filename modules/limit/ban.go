package limit

import (
	"net/http"
	"slices"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// ban has a client banned for as long as the penalty lasts that it has just
// earned, if the zone counts clients and refuses them.
func (h *Handler) ban(z *Zone, d counters.Decision, v *shop.Visit, r *http.Request) {
	if d.Began && !z.shadow && z.ofClients() {
		h.app.Ban(r, v, z.cause, z.Name, d.Wait)
	}
}

// ofClients reports whether the zone tells clients apart. A placeholder alone
// does not: many addresses may send one value, and one of them would be banned
// for what another did.
func (z *Zone) ofClients() bool { return slices.Contains(z.Key, "client") }

// causeOf is why the zone bans: for what the stage found whose refusals it
// counts, else for too many requests.
func (z *Zone) causeOf() ban.Cause {
	if cause, err := ban.ParseCause(z.RefusedBy); err == nil && cause != ban.Manual {
		return cause
	}
	return ban.ByLimit
}

// forget clears what the zones counted of a client. Zones that count by more
// than the address cannot be found by it.
func (h *Handler) forget(c shield.Client) {
	v := &shop.Visit{Shop: h.Shop, Client: c.Client, Subnet: c.Subnet, Start: c.Now}
	for _, z := range h.Zones {
		if !z.values && slices.Equal(z.Key, []string{"client"}) {
			h.store.Forget(z.keyOf(v, nil))
		}
	}
}
