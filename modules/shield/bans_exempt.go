package shield

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// IsExempt reports whether a peer is never refused before its requests are known:
// it is on the list never_ban, or the fixed address of a partner.
func (a *App) IsExempt(peer netip.Addr) bool { return a.exempt.Load().Contains(peer.Unmap()) }

// isNeverBanned reports whether an address is never banned: it is on the list
// never_ban, a trusted proxy's, or a partner's.
func (a *App) isNeverBanned(addr netip.Addr) bool {
	if a.exempt.Load().Contains(addr) || a.servers.Trust(netip.PrefixFrom(addr, addr.BitLen())) {
		return true
	}
	for _, s := range a.shops {
		if slices.ContainsFunc(s.partners, func(is func(netip.Addr) bool) bool { return is(addr) }) {
			return true
		}
	}
	return false
}

// allExempt reports whether no address in a prefix can be banned.
func (a *App) allExempt(prefix netip.Prefix) bool {
	return a.exempt.Load().LookupPrefix(prefix) || prefix == clientip.Prefix(prefix.Addr()) && a.isNeverBanned(prefix.Addr())
}

// someExempt reports whether some address in a prefix is never banned.
func (a *App) someExempt(prefix netip.Prefix) bool {
	return a.exempt.Load().OverlapsPrefix(prefix) || a.servers.Trust(prefix)
}

// NeverBan lets a stage name addresses that are never banned, since machines that
// a shop depends on have them: those that do not change, and whether an address
// has proven to be one. Otherwise a partner that comes once an hour could be kept
// out for what another client did in the same subnet.
func (s *Shop) NeverBan(fixed []netip.Prefix, is func(netip.Addr) bool) {
	s.fixed = append(s.fixed, fixed...)
	s.partners = append(s.partners, is)
}

// How wide a partner's prefix may be to be exempt as a whole: `from 0.0.0.0/0`
// beside a secret says nothing about addresses.
const (
	widestExempt4 = 16
	widestExempt6 = 32
)

// exemptFixed collects the addresses that are never banned, as far as the
// configuration names them.
func (a *App) exemptFixed() *bart.Lite {
	exempt := slices.Clone(a.NeverBan)
	for _, s := range a.shops {
		for _, prefix := range s.fixed {
			if prefix.Bits() >= widestExempt(prefix) {
				exempt = append(exempt, prefix)
			}
		}
	}
	return clientip.Table(exempt)
}

func widestExempt(prefix netip.Prefix) int {
	if prefix.Addr().Is4() {
		return widestExempt4
	}
	return widestExempt6
}

// ProtectSubnet notes that a customer sent this request: a visitor with a pass or
// an old enough time stamp, or a partner that has proven to be one. For five
// minutes no client of the same /24 or /48 is banned automatically, only limited:
// behind the address of a carrier thousands of customers share it with one
// attacker. by is the token that shows it, which protects few subnets: one cookie
// that a botnet shares protects none of it. Zero: a partner, which needs none.
func (a *App) ProtectSubnet(r *http.Request, v *shop.Visit, by netkey.Key) {
	if a.Bans.Mode == Off {
		return
	}
	rt := a.runtime
	minute := uint64(v.Start.Unix() / 60)
	last := &rt.protectedIn[binary.LittleEndian.Uint16(v.Subnet[:])%uint16(len(rt.protectedIn))]
	sign := binary.LittleEndian.Uint64(v.Subnet[8:])<<16 | minute&0xffff
	if last.Load() == sign {
		return // this minute
	}
	if by != (netkey.Key{}) && !rt.store.Take(by, &protectQuota, v.Start).Allowed() {
		return
	}
	last.Store(sign)
	if addr := clientip.Of(r); addr.IsValid() {
		// Under the keys of all secrets: another edge may look for any of them.
		for _, hasher := range rt.hashers() {
			rt.store.Protect(hasher.Ban(clientip.Subnet(addr)), v.Start)
		}
	}
}

// protectQuota is how many subnets a token protects: a telephone changes from one
// network to another now and then.
var protectQuota = counters.Limit{Interval: time.Minute, Burst: 3}

// Protected reports whether customers came from the subnet of an address lately.
func (a *App) Protected(addr netip.Addr, now time.Time) bool {
	for _, hasher := range a.runtime.hashers() {
		if a.runtime.store.Protected(hasher.Ban(clientip.Subnet(addr)), now) {
			return true
		}
	}
	return false
}
