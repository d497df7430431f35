//go:build linux

package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
)

// The widest prefixes that can be denied: by an edge, whose wire.Verdict says
// so, and by people, who may mean a whole provider but not the internet.
var (
	widestByEdge   = width{24, 48}
	widestByPeople = width{8, 16}
)

// width is the least number of bits, by family.
type width struct{ v4, v6 int }

func (w width) of(p netip.Prefix) int {
	if p.Addr().Is4() {
		return w.v4
	}
	return w.v6
}

// untouchable is a prefix that may not be denied, and why.
type untouchable struct {
	netip.Prefix
	why string
}

// spared are the prefixes that nobody may have dropped, people neither; and
// those that only people may.
type spared struct{ always, fromEdges []untouchable }

// spare lists what a policy file, this host's addresses and the allow list
// protect from being denied.
func spare(c *scrub.Config, own []netip.Addr, more []scrub.Prefix) (s spared) {
	for _, addr := range own {
		s.always = append(s.always, untouchable{netip.PrefixFrom(addr, addr.BitLen()), "an address of this host"})
	}
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			s.always = append(s.always, untouchable{prefix.Prefix, "protected by policy " + p.Name})
		}
	}
	for _, prefix := range more {
		s.fromEdges = append(s.fromEdges, untouchable{prefix.Prefix, "spared: edges may not have it dropped"})
	}
	return s
}

// refuse says why a prefix may not be denied; empty: it may.
func (s spared) refuse(p netip.Prefix, allowed []netip.Prefix, widest width, byEdge bool) string {
	if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
		return "no prefix such as 192.0.2.0/24"
	}
	if least := widest.of(p); p.Bits() < least {
		return fmt.Sprintf("wider than /%d", least)
	}
	for _, a := range allowed {
		if a.Bits() <= p.Bits() && a.Overlaps(p) {
			return fmt.Sprintf("on the allow list with %s", a)
		}
	}
	sets := [][]untouchable{s.always}
	if byEdge {
		sets = append(sets, s.fromEdges)
	}
	for _, set := range sets {
		for _, u := range set {
			if u.Overlaps(p) {
				return fmt.Sprintf("%s is %s", u.Prefix, u.why)
			}
		}
	}
	return ""
}

// ownAddresses are the addresses of this host.
func ownAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("listing this host's addresses: %w", err)
	}
	var own []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap().WithZone(""))
		}
	}
	return own, nil
}

// maxShops bounds what is kept about shops; those beyond it share one rate.
const maxShops = 4096

// perShop bounds how many new verdicts each shop can cause.
type perShop struct {
	rate  shop.Rate
	shops map[shop.ID]*rate.Limiter
}

func newPerShop(r shop.Rate) *perShop {
	return &perShop{rate: r, shops: make(map[shop.ID]*rate.Limiter)}
}

// take reports whether the shop may cause one more.
func (p *perShop) take(id shop.ID, now time.Time) bool {
	l := p.shops[id]
	if l == nil && len(p.shops) >= maxShops {
		id = "…" // no shop is called so
		l = p.shops[id]
	}
	if l == nil {
		l = rate.NewLimiter(rate.Every(p.rate.Interval()), int(p.rate.Events))
		p.shops[id] = l
	}
	return l.AllowN(now, 1)
}
