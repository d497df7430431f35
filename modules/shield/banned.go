package shield

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// Refuses reports whether connections from peer are refused, whatever shop
// they are for: its address, or the /24 or /48 around it, is banned at all
// shops. It waits for nothing and allocates nothing. Where the ban was made at
// another edge it tells the scrubber below this one, which did not know the
// address.
func (a *App) Refuses(peer netip.Addr, now time.Time) bool {
	if a.house.book.all.Load() == 0 || a.Bans.Mode != BansOn {
		return false
	}
	_, is := a.banned(peer.Unmap(), "", now, true)
	return is
}

// Allows reports whether peer is never refused before its requests are known:
// it stands on the list `allow`, or is the fixed address of a partner.
func (a *App) Allows(peer netip.Addr) bool { return a.spared.Load().Contains(peer.Unmap()) }

// Banned says by which ban a request is refused, if any. Partners never are.
// sure reports whether the connection itself is the client's, and so can be
// closed: behind a trusted proxy it is everybody's.
func (a *App) Banned(r *http.Request, v *shop.Visit) (ban ban.Ban, sure, ok bool) {
	book := a.house.book
	if book.all.Load()+book.some.Load() == 0 || v.Partner != nil || a.Bans.Mode != BansOn {
		return ban, false, false
	}
	addr := ClientAddr(r)
	if !addr.IsValid() || behindProxy(r) && addr == peerOf(r) {
		return ban, false, false // no address, or the proxy's own
	}
	sure = proven(r, addr)
	ban, ok = a.banned(addr, v.Shop, v.Start, sure)
	return ban, sure, ok
}

// banned looks for a ban of an address or its neighbourhood, at one shop or at
// all. sure is set where the address is proven, so that the scrubber may hear of
// it.
func (a *App) banned(addr netip.Addr, at shop.ID, now time.Time, sure bool) (ban ban.Ban, ok bool) {
	for _, prefix := range [...]netip.Prefix{clientOf(addr), netOf(addr)} {
		key := a.house.hasher.Ban(prefix)
		if ban, ok = a.house.store.Banned(key, at, now); !ok {
			continue
		}
		if a.spared.Load().Contains(addr) {
			return ban, false
		}
		if sure && ban.Shop == "" && a.house.book.meet(key, prefix) && a.mayPass(prefix) {
			a.house.scrubber.Push(prefix, ban)
			if _, still := a.house.store.Banned(key, "", now); !still { // people have just lifted it, and were heard before
				a.house.scrubber.Lift(prefix)
			}
		}
		return ban, true
	}
	return ban, false
}

// sparesSome reports whether somebody in a prefix is never banned.
func (a *App) sparesSome(prefix netip.Prefix) bool {
	return a.spared.Load().OverlapsPrefix(prefix) || a.trusts(prefix)
}

// ClientAddr is the address that Caddy trusts; zero if it cannot be read, as
// behind a unix socket.
func ClientAddr(r *http.Request) netip.Addr {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// proven reports whether the client's address is that of the connection: what
// a proxy says is only its word.
//
// Nor does a QUIC packet with early data (0-RTT) show that anybody is where it
// says it comes from, before the handshake has ended.
func proven(r *http.Request, client netip.Addr) bool {
	return peerOf(r) == client && !behindProxy(r) && (r.TLS == nil || r.TLS.HandshakeComplete)
}

// peerOf is the address of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap()
}

// behindProxy reports whether the connection is that of a proxy that Caddy
// trusts.
func behindProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}
