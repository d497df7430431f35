package shield

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// BanOf returns the key of the ban by which connections from peer are refused, whatever
// shop they are for: its address, or the /24 or /48 around it, is banned at all shops. It
// waits for nothing and allocates nothing. Where the ban was made at another edge
// it pushes the ban to the scrubber, since only now the address is known here.
func (a *App) BanOf(peer netip.Addr, now time.Time) (key netkey.Key, is bool) {
	if a.runtime.bans.All.Load() == 0 || a.Bans.Mode != On {
		return key, false
	}
	b, is := a.banned(clientip.Plain(peer), "", now, true)
	return b.Key, is
}

// IsBanned reports whether connections from peer are refused, as BanOf does.
func (a *App) IsBanned(peer netip.Addr, now time.Time) bool {
	_, is := a.BanOf(peer, now)
	return is
}

// CountRefused counts a connection that was refused because of the ban with this key.
func (a *App) CountRefused(key netkey.Key) { a.runtime.bans.CountConnection(key) }

// Hidden returns what of a shop's banned clients never became a request: see banindex.Index.
func (a *App) Hidden(id shop.ID) (all, packets, connections uint64) { return a.runtime.bans.Hidden(id) }

// BansInForce returns how many bans hold, as far as this edge knows.
func (a *App) BansInForce() int64 { return a.runtime.bans.All.Load() + a.runtime.bans.Some.Load() }

// PrefixOf returns the prefix behind a ban's key, if its address came to this edge.
func (a *App) PrefixOf(key netkey.Key) (netip.Prefix, bool) { return a.runtime.bans.PrefixOf(key) }

// NotBanned returns the last bans that were not made, oldest first.
func (a *App) NotBanned() []banindex.Note { return a.runtime.bans.Notes() }

// Banned returns the ban by which a request is refused, if any. Partners never
// are. own reports whether the connection is the client's, and so can be closed:
// one of a trusted proxy is shared by many clients.
func (a *App) Banned(r *http.Request, v *shop.Visit) (ban ban.Ban, own, ok bool) {
	if a.BansInForce() == 0 || v.Partner != nil || a.Bans.Mode != On {
		return ban, false, false
	}
	addr := clientip.Of(r)
	if !addr.IsValid() || clientip.BehindProxy(r) && addr == clientip.PeerOf(r) {
		return ban, false, false // no address, or the proxy's own
	}
	own = clientip.IsProven(r, addr)
	ban, ok = a.banned(addr, v.Shop, v.Start, own)
	return ban, own, ok
}

// banned looks for a ban of an address or its subnet, at one shop or at all. sure
// is set where the address is proven, so that the ban may be pushed to the
// scrubber.
func (a *App) banned(addr netip.Addr, at shop.ID, now time.Time, sure bool) (ban ban.Ban, ok bool) {
	for _, prefix := range [...]netip.Prefix{clientip.Prefix(addr), clientip.Subnet(addr)} {
		if ban, ok = a.runtime.findBan(prefix, at, now); !ok {
			continue
		}
		if a.exempt.Load().Contains(addr) {
			return ban, false
		}
		if sure && ban.Shop == "" && a.runtime.bans.Meet(ban.Key, prefix) && a.mayPush(prefix) {
			a.runtime.scrubber.Push(prefix, ban)
			if _, still := a.runtime.store.Banned(ban.Key, "", now); !still { // lifted just now, before this Push
				a.runtime.scrubber.Lift(prefix)
			}
		}
		return ban, true
	}
	return ban, false
}

// findBan finds a ban of a prefix, under the key of whichever secret it was made with.
func (rt *runtime) findBan(prefix netip.Prefix, at shop.ID, now time.Time) (ban ban.Ban, ok bool) {
	for i, hasher := range rt.hashers() {
		if ban, ok = rt.store.Banned(hasher.Ban(prefix), at, now); ok {
			if i > 0 {
				CountOlder(OlderBan)
			}
			break
		}
	}
	return ban, ok
}

// SetGated notes that a server has a gate, which refuses the connections of banned clients.
func (a *App) SetGated(server *caddyhttp.Server) { a.gated.Store(server, true) }

// IsGated reports whether the server of a request has a gate.
func (a *App) IsGated(r *http.Request) bool {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	_, has := a.gated.Load(server)
	return has
}
