package speaker

import (
	"errors"
	"net/netip"

	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"

	"github.com/theriac-edge/theriac/anycast"
)

// route is a prefix as GoBGP takes it.
func (g *GoBGP) route(r anycast.Route) (*apiutil.Path, error) {
	nlri, err := bgp.NewIPAddrPrefix(r.Prefix)
	if err != nil {
		return nil, err
	}
	family, hop := bgp.RF_IPv4_UC, g.config.nextHop(r.Prefix.Addr())
	if r.Prefix.Addr().Is6() {
		family = bgp.RF_IPv6_UC
	}
	if !hop.IsValid() {
		return nil, errors.New("no next hop of its family is configured")
	}
	attrs := []bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(bgp.BGP_ORIGIN_ATTR_TYPE_IGP)}
	if r.Blackhole {
		if !isHost(r.Prefix) {
			return nil, errors.New("a black hole is of one address")
		}
		// NO_EXPORT is the receiver's to add (RFC 7999, section 3.2).
		attrs = append(attrs, bgp.NewPathAttributeCommunities([]uint32{uint32(bgp.COMMUNITY_BLACKHOLE)}))
	}
	attrs, err = withHop(attrs, family, nlri, hop)
	return &apiutil.Path{Family: family, Nlri: nlri, Attrs: attrs}, err
}

func withHop(attrs []bgp.PathAttributeInterface, family bgp.Family, nlri bgp.NLRI, hops ...netip.Addr) ([]bgp.PathAttributeInterface, error) {
	if family == bgp.RF_IPv4_UC {
		hop, err := bgp.NewPathAttributeNextHop(hops[0])
		return append(attrs, hop), err
	}
	reach, err := bgp.NewPathAttributeMpReachNLRI(family, []bgp.PathNLRI{{NLRI: nlri}}, hops...)
	return append(attrs, reach), err
}

// rule is a FlowSpec rule as GoBGP takes it.
func (g *GoBGP) rule(r anycast.RuleTo) (*apiutil.Path, error) {
	family := bgp.RF_FS_IPv4_UC
	if r.Destination.Is6() {
		family = bgp.RF_FS_IPv6_UC
	}
	match, err := matchPrefixes(r)
	if err != nil {
		return nil, err
	}
	for _, one := range []struct {
		kind  bgp.BGPFlowSpecType
		value uint64
	}{
		{bgp.FLOW_SPEC_TYPE_IP_PROTO, uint64(r.Protocol)},
		{bgp.FLOW_SPEC_TYPE_DST_PORT, uint64(r.Port)},
		{bgp.FLOW_SPEC_TYPE_SRC_PORT, uint64(r.SourcePort)},
	} {
		if one.value != 0 {
			equal := bgp.NewFlowSpecComponentItem(bgp.DEC_NUM_OP_EQ, one.value)
			match = append(match, bgp.NewFlowSpecComponent(one.kind, []*bgp.FlowSpecComponentItem{equal}))
		}
	}
	nlri, err := bgp.NewFlowSpecUnicast(family, match)
	if err != nil {
		return nil, err
	}
	attrs := []bgp.PathAttributeInterface{
		bgp.NewPathAttributeOrigin(bgp.BGP_ORIGIN_ATTR_TYPE_IGP),
		bgp.NewPathAttributeExtendedCommunities([]bgp.ExtendedCommunityInterface{bgp.NewTrafficRateExtended(0, float32(r.Rate))}),
	}
	attrs, err = withHop(attrs, family, nlri)
	return &apiutil.Path{Family: family, Nlri: nlri, Attrs: attrs}, err
}

// matchPrefixes is destination and source of a rule. IPv6 has components of its own (RFC 8956).
func matchPrefixes(r anycast.RuleTo) (match []bgp.FlowSpecComponentInterface, err error) {
	to, err := bgp.NewIPAddrPrefix(netip.PrefixFrom(r.Destination, r.Destination.BitLen()))
	if err != nil {
		return nil, err
	}
	if r.Destination.Is6() {
		match = append(match, bgp.NewFlowSpecDestinationPrefix6(to, 0))
	} else {
		match = append(match, bgp.NewFlowSpecDestinationPrefix(to))
	}
	if !r.Source.IsValid() {
		return match, nil
	}
	from, err := bgp.NewIPAddrPrefix(r.Source)
	if err != nil {
		return nil, err
	}
	if r.Destination.Is6() {
		return append(match, bgp.NewFlowSpecSourcePrefix6(from, 0)), nil
	}
	return append(match, bgp.NewFlowSpecSourcePrefix(from)), nil
}
