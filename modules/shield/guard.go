package shield

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Vouch says that a customer sent this request: somebody with a pass or an old
// enough time stamp, or a partner who has proven to be one. For some minutes no
// client of the same /24 or /48 is banned, only limited: behind the address of a
// carrier thousands of customers stand beside one attacker. by is the token that
// shows it, whose word counts for few neighbourhoods: one cookie that a botnet
// shares protects none of it. Zero: a partner, who is himself.
func (a *App) Vouch(r *http.Request, v *shop.Visit, by netkey.Key) {
	if a.Bans.Mode == BansOff {
		return
	}
	h := a.house
	minute := uint64(v.Start.Unix() / 60)
	said := &h.said[binary.LittleEndian.Uint16(v.Subnet[:])%uint16(len(h.said))]
	sign := binary.LittleEndian.Uint64(v.Subnet[8:])<<16 | minute&0xffff
	if said.Load() == sign {
		return // this minute
	}
	if by != (netkey.Key{}) && !h.store.Take(by, &words, v.Start).Allowed() {
		return
	}
	said.Store(sign)
	if addr := ClientAddr(r); addr.IsValid() {
		h.store.Protect(h.hasher.Ban(netOf(addr)), v.Start)
	}
}

// words is for how many neighbourhoods a token vouches: a telephone changes from
// one net to another now and then.
var words = counters.Limit{Interval: time.Minute, Burst: 3}

// vouched reports whether customers came from around an address lately.
func (a *App) vouched(addr netip.Addr, now time.Time) bool {
	return a.house.store.Protected(a.house.hasher.Ban(netOf(addr)), now)
}

// spares reports whether an address is never banned: it stands on the list
// `allow`, is a trusted proxy's, or a partner's.
func (a *App) spares(addr netip.Addr) bool {
	if a.spared.Load().Contains(addr) || a.trusts(netip.PrefixFrom(addr, addr.BitLen())) {
		return true
	}
	for _, s := range a.shops {
		if slices.ContainsFunc(s.partners, func(is func(netip.Addr) bool) bool { return is(addr) }) {
			return true
		}
	}
	return false
}

// sparesAll reports whether nobody in a prefix can be banned.
func (a *App) sparesAll(prefix netip.Prefix) bool {
	return a.spared.Load().LookupPrefix(prefix) || prefix == clientOf(prefix.Addr()) && a.spares(prefix.Addr())
}

// Spare lets a stage name whose addresses are never banned, since machines that
// a shop depends on have them: those that do not change, and whether an
// address has proven to be one. A partner who comes once an hour would else be
// kept out for what a stranger did beside it.
func (s *Shop) Spare(fixed []netip.Prefix, is func(netip.Addr) bool) {
	s.fixed = append(s.fixed, fixed...)
	s.partners = append(s.partners, is)
}

// widestSpared is how wide a partner's prefix may be to be spared as a whole:
// `from 0.0.0.0/0` beside a secret says nothing about addresses.
const (
	widestSpared4 = 16
	widestSpared6 = 32
)

// spareFixed collects whose addresses are never banned, as far as the
// configuration names them.
func (a *App) spareFixed() *bart.Lite {
	spared := new(bart.Lite)
	for _, prefix := range a.NeverBan {
		insert(spared, prefix)
	}
	for _, s := range a.shops {
		for _, prefix := range s.fixed {
			if prefix.Bits() >= widestSpared(prefix) {
				insert(spared, prefix)
			}
		}
	}
	return spared
}

func widestSpared(prefix netip.Prefix) int {
	if prefix.Addr().Is4() {
		return widestSpared4
	}
	return widestSpared6
}

func insert(table *bart.Lite, prefix netip.Prefix) {
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	table.Insert(prefix.Masked())
}
