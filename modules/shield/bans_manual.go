package shield

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// ManualBan is a ban that an operator asks for.
type ManualBan struct {
	Prefix netip.Prefix // one client, see clientip.Prefix, or one subnet, see clientip.Subnet
	Shop   shop.ID      // empty: at all shops
	Why    string
	Until  time.Time
	Force  bool // even if customers came from the subnet lately
}

// BanManually makes a ban at all edges. The notices are what the operator should
// know besides.
func (a *App) BanManually(m ManualBan, now time.Time) (notices []string, err error) {
	switch {
	case m.Shop != "" && a.shops[m.Shop] == nil:
		return nil, unknownShop(m.Shop)
	case a.Bans.Mode != On:
		return nil, fmt.Errorf("bans are %s at this edge, so the ban would have no effect; set `bans on` in the global option shield", a.Bans.Mode)
	case a.allExempt(m.Prefix):
		return nil, fmt.Errorf("%s is never banned: it is on never_ban, a trusted proxy or a partner; change the configuration first", m.Prefix)
	case a.Protected(m.Prefix.Addr(), now) && !m.Force:
		return nil, fmt.Errorf("customers came from %s in the last 5 minutes and would be refused too; "+
			"use --force to ban it anyway, or lower the limits of the subnet", clientip.Subnet(m.Prefix.Addr()))
	}
	if a.someExempt(m.Prefix) {
		notices = append(notices, "some addresses in it are never banned (never_ban, proxies, partners) and still pass; the scrubber does not apply this ban")
	}
	b := ban.Ban{
		Key: a.runtime.hasher().Ban(m.Prefix), Shop: m.Shop, Cause: ban.Manual,
		Rule: m.Why, Told: now, Until: m.Until,
	}
	a.runtime.bans.Expect(b.Key, m.Prefix)
	if err := a.runtime.store.Ban(counters.BanRequest{Ban: b, At: m.Shop}); err != nil {
		a.runtime.bans.Cancel(b.Key)
		return nil, fmt.Errorf("banning %s: %w", m.Prefix, err)
	}
	bansTotal.WithLabelValues(string(m.Shop), b.Cause.String(), banned).Inc()
	a.announce(b, m.Shop, b.Key.Reference())
	return append(notices, a.unshared()...), nil
}

// Unban lifts every ban of a client or a subnet, and has each edge forget the
// counts of the client. It returns how many bans were lifted.
func (a *App) Unban(prefix netip.Prefix, now time.Time) (lifted int, notices []string) {
	rt, isClient := a.runtime, prefix == clientip.Prefix(prefix.Addr())
	if !isClient {
		notices = append(notices, "the counts of single clients in it are kept: unban an address to clear them")
	}
	clients := make(map[netkey.Key]netkey.Key)
	for _, key := range rt.bans.KeysOf(prefix) { // some of a secret that is no longer accepted: the scrubber still applies them
		clients[key] = netkey.Key{}
	}
	for _, hasher := range rt.hashers() {
		clients[hasher.Ban(prefix)] = netkey.Key{}
		if isClient {
			clients[hasher.Ban(prefix)] = hasher.Client(now, prefix.Addr())
		}
	}
	for key, client := range clients {
		lifted += rt.bans.Count(key)
		rt.store.Unban(key, client)
	}
	subnet := clientip.Subnet(prefix.Addr())
	if _, banned := rt.findBan(subnet, "", now); banned && prefix != subnet {
		notices = append(notices, fmt.Sprintf("%s around it is still banned: unban that too", subnet))
	}
	return lifted, append(notices, a.unshared()...)
}

// unshared says so where other edges learn of a change later.
func (a *App) unshared() []string {
	if st := a.runtime.store.Status(); st.Kind == "memory" || st.Shared {
		return nil
	}
	return []string{"only this edge knows of it yet; the others learn of it as soon as the store is back"}
}

// forget clears what the stages counted of a client here.
func (a *App) forget(client netkey.Key, now time.Time) {
	for _, s := range a.shops {
		for _, forget := range s.onUnban {
			forget(Client{Client: client, Now: now})
		}
	}
}
