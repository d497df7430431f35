package shield

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// IsBanned reports whether connections from peer are refused, whatever shop they
// are for: its address, or the /24 or /48 around it, is banned at all shops. It
// waits for nothing and allocates nothing. Where the ban was made at another edge
// it pushes the ban to the scrubber, since only now the address is known here.
func (a *App) IsBanned(peer netip.Addr, now time.Time) bool {
	if a.runtime.bans.all.Load() == 0 || a.Bans.Mode != BansOn {
		return false
	}
	_, is := a.banned(PlainAddr(peer), "", now, true)
	return is
}

// BansInForce returns how many bans hold, as far as this edge knows.
func (a *App) BansInForce() int64 { return a.runtime.bans.all.Load() + a.runtime.bans.some.Load() }

// PrefixOf returns the prefix behind a ban's key, if its address came to this edge.
func (a *App) PrefixOf(key netkey.Key) (netip.Prefix, bool) { return a.runtime.bans.prefixOf(key) }

// NotBanned returns the last bans that were not made, oldest first.
func (a *App) NotBanned() []Note { return a.runtime.bans.lastNotes() }

// Banned returns the ban by which a request is refused, if any. Partners never
// are. own reports whether the connection is the client's, and so can be closed:
// one of a trusted proxy is shared by many clients.
func (a *App) Banned(r *http.Request, v *shop.Visit) (ban ban.Ban, own, ok bool) {
	if a.BansInForce() == 0 || v.Partner != nil || a.Bans.Mode != BansOn {
		return ban, false, false
	}
	addr := ClientAddr(r)
	if !addr.IsValid() || behindProxy(r) && addr == peerOf(r) {
		return ban, false, false // no address, or the proxy's own
	}
	own = proven(r, addr)
	ban, ok = a.banned(addr, v.Shop, v.Start, own)
	return ban, own, ok
}

// banned looks for a ban of an address or its subnet, at one shop or at all. sure
// is set where the address is proven, so that the ban may be pushed to the
// scrubber.
func (a *App) banned(addr netip.Addr, at shop.ID, now time.Time, sure bool) (ban ban.Ban, ok bool) {
	for _, prefix := range [...]netip.Prefix{clientOf(addr), subnetOf(addr)} {
		if ban, ok = a.runtime.findBan(prefix, at, now); !ok {
			continue
		}
		if a.exempt.Load().Contains(addr) {
			return ban, false
		}
		if sure && ban.Shop == "" && a.runtime.bans.meet(ban.Key, prefix) && a.mayPush(prefix) {
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

// proven reports whether the client's address is that of the connection: what a
// proxy adds is only a claim. A QUIC packet with early data (0-RTT) does not prove
// its source address either, until the handshake has ended (RFC 9001, section
// 9.2).
func proven(r *http.Request, client netip.Addr) bool {
	return peerOf(r) == client && !behindProxy(r) && (r.TLS == nil || r.TLS.HandshakeComplete)
}

// peerOf returns the address of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return PlainAddr(peer.Addr())
}

// behindProxy reports whether the connection is that of a proxy that Caddy
// trusts.
func behindProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}
