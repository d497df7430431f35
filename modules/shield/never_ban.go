package shield

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// IsExempt reports whether a peer is never refused before its requests are known:
// it is on the list never_ban, or the fixed address of a partner.
func (a *App) IsExempt(peer netip.Addr) bool { return a.exempt.Load().Contains(peer.Unmap()) }

// isNeverBanned reports whether an address is never banned: it is on the list
// never_ban, a trusted proxy's, or a partner's.
func (a *App) isNeverBanned(addr netip.Addr) bool {
	if a.exempt.Load().Contains(addr) || a.trusts(netip.PrefixFrom(addr, addr.BitLen())) {
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
	return a.exempt.Load().LookupPrefix(prefix) || prefix == clientOf(prefix.Addr()) && a.isNeverBanned(prefix.Addr())
}

// someExempt reports whether some address in a prefix is never banned.
func (a *App) someExempt(prefix netip.Prefix) bool {
	return a.exempt.Load().OverlapsPrefix(prefix) || a.trusts(prefix)
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
	return PrefixTable(exempt)
}

func widestExempt(prefix netip.Prefix) int {
	if prefix.Addr().Is4() {
		return widestExempt4
	}
	return widestExempt6
}

// PrefixTable returns a lookup table of prefixes. One of IPv4 addresses in IPv6 form, or
// behind a translator, has the IPv4 addresses in it, since [ClientAddr] returns them so.
func PrefixTable(prefixes []netip.Prefix) *bart.Lite {
	table := new(bart.Lite)
	for _, prefix := range prefixes {
		if addr := PlainAddr(prefix.Addr()); addr.Is4() && prefix.Addr().Is6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr, prefix.Bits()-96)
		}
		table.Insert(prefix.Masked())
	}
	return table
}
