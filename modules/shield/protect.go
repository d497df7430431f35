package shield

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// ProtectSubnet notes that a customer sent this request: a visitor with a pass or
// an old enough time stamp, or a partner that has proven to be one. For five
// minutes no client of the same /24 or /48 is banned automatically, only limited:
// behind the address of a carrier thousands of customers share it with one
// attacker. by is the token that shows it, which protects few subnets: one cookie
// that a botnet shares protects none of it. Zero: a partner, which needs none.
func (a *App) ProtectSubnet(r *http.Request, v *shop.Visit, by netkey.Key) {
	if a.Bans.Mode == BansOff {
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
	if addr := ClientAddr(r); addr.IsValid() {
		// Under the keys of all secrets: another edge may look for any of them.
		for _, hasher := range rt.hashers() {
			rt.store.Protect(hasher.Ban(subnetOf(addr)), v.Start)
		}
	}
}

// protectQuota is how many subnets a token protects: a telephone changes from one
// network to another now and then.
var protectQuota = counters.Limit{Interval: time.Minute, Burst: 3}

// Protected reports whether customers came from the subnet of an address lately.
func (a *App) Protected(addr netip.Addr, now time.Time) bool {
	for _, hasher := range a.runtime.hashers() {
		if a.runtime.store.Protected(hasher.Ban(subnetOf(addr)), now) {
			return true
		}
	}
	return false
}
