package speaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/server"

	"github.com/theriac-edge/theriac/anycast"
)

// Hold and keep-alive in seconds: how long a router keeps the routes of a frozen edge.
const (
	holdTime  = 9
	keepAlive = 3
	redial    = 5
)

// Config is what GoBGP must know.
type Config struct {
	ASN      uint32
	RouterID netip.Addr   // an IPv4 address
	NextHops []netip.Addr // of this edge: one of each family that is announced; sessions come from it
	Peers    []Peer
}

// nextHop is the one of a family; not valid: there is none.
func (c Config) nextHop(family netip.Addr) netip.Addr {
	for _, addr := range c.NextHops {
		if addr.Is4() == family.Is4() {
			return addr
		}
	}
	return netip.Addr{}
}

// Peer is one router.
type Peer struct {
	Address  netip.Addr
	ASN      uint32
	Port     uint16 // 0: 179
	Password string // of TCP MD5 (RFC 2385)

	// TTLSecurity is GTSM (RFC 5082): the router must have it too. Multihop is the TTL
	// for a router that is further away.
	TTLSecurity bool
	Multihop    uint8

	FlowSpec bool // whether it takes FlowSpec rules
}

// GoBGP is a BGP speaker in this process. It dials out and listens nowhere.
type GoBGP struct {
	server *server.BgpServer
	config Config
	said   map[any]*apiutil.Path // by anycast.Route or anycast.RuleTo
}

// NewGoBGP starts a speaker that announces nothing yet.
func NewGoBGP(ctx context.Context, c Config, log *slog.Logger) (*GoBGP, error) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	g := &GoBGP{server: server.NewBgpServer(server.LoggerOption(log, level)), config: c, said: map[any]*apiutil.Path{}}
	go g.server.Serve()
	err := g.server.StartBgp(ctx, &api.StartBgpRequest{Global: &api.Global{Asn: c.ASN, RouterId: c.RouterID.String(), ListenPort: -1}})
	if err != nil {
		g.server.Stop()
		return nil, fmt.Errorf("starting GoBGP: %w", err)
	}
	err = g.onlyOurs(ctx)
	for _, p := range c.Peers {
		if err == nil {
			err = g.server.AddPeer(ctx, &api.AddPeerRequest{Peer: p.api(c.nextHop(p.Address))})
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting GoBGP: %w", err), g.Close())
	}
	return g, nil
}

// onlyOurs has GoBGP take and tell nothing but routes of its own: what one router announces is of
// no use here, and must not reach another one.
func (g *GoBGP) onlyOurs(ctx context.Context) error {
	ours := &api.Policy{Name: "ours", Statements: []*api.Statement{{
		Name:       "ours",
		Conditions: &api.Conditions{RouteType: api.Conditions_ROUTE_TYPE_LOCAL},
		Actions:    &api.Actions{RouteAction: api.RouteAction_ROUTE_ACTION_ACCEPT},
	}}}
	err := g.server.AddPolicy(ctx, &api.AddPolicyRequest{Policy: ours})
	for _, direction := range []api.PolicyDirection{api.PolicyDirection_POLICY_DIRECTION_IMPORT, api.PolicyDirection_POLICY_DIRECTION_EXPORT} {
		if err == nil {
			err = g.server.AddPolicyAssignment(ctx, &api.AddPolicyAssignmentRequest{Assignment: &api.PolicyAssignment{
				Name: "global", Direction: direction, Policies: []*api.Policy{ours}, DefaultAction: api.RouteAction_ROUTE_ACTION_REJECT,
			}})
		}
	}
	return err
}

// api is the peer as GoBGP wants it: without graceful restart.
func (p Peer) api(from netip.Addr) *api.Peer {
	peer := &api.Peer{
		Conf:      &api.PeerConf{NeighborAddress: p.Address.String(), PeerAsn: p.ASN, AuthPassword: p.Password},
		Timers:    &api.Timers{Config: &api.TimersConfig{HoldTime: holdTime, KeepaliveInterval: keepAlive, ConnectRetry: redial, IdleHoldTimeAfterReset: redial}},
		Transport: &api.Transport{RemotePort: uint32(p.Port)},
	}
	if from.IsValid() {
		peer.Transport.LocalAddress = from.String()
	}
	switch {
	case p.TTLSecurity:
		peer.TtlSecurity = &api.TtlSecurity{Enabled: true, TtlMin: 255}
	case p.Multihop > 0:
		peer.EbgpMultihop = &api.EbgpMultihop{Enabled: true, MultihopTtl: uint32(p.Multihop)}
	}
	safis := []api.Family_Safi{api.Family_SAFI_UNICAST}
	if p.FlowSpec {
		safis = append(safis, api.Family_SAFI_FLOW_SPEC_UNICAST)
	}
	for _, afi := range []api.Family_Afi{api.Family_AFI_IP, api.Family_AFI_IP6} {
		for _, safi := range safis {
			peer.AfiSafis = append(peer.AfiSafis, &api.AfiSafi{Config: &api.AfiSafiConfig{Family: &api.Family{Afi: afi, Safi: safi}, Enabled: true}})
		}
	}
	return peer
}

// Apply sends the difference to what was said before.
func (g *GoBGP) Apply(_ context.Context, a anycast.Announcement) error {
	want := map[any]*apiutil.Path{}
	for _, r := range a.Routes {
		path, err := g.route(r)
		if err != nil {
			return fmt.Errorf("announcing %v: %w", r.Prefix, err)
		}
		want[r] = path
	}
	for _, r := range a.Rules {
		if !slices.ContainsFunc(g.config.Peers, func(p Peer) bool { return p.FlowSpec }) {
			return fmt.Errorf("announcing a rule for %v: no peer takes FlowSpec", r.Destination)
		}
		path, err := g.rule(r)
		if err != nil {
			return fmt.Errorf("announcing a rule for %v: %w", r.Destination, err)
		}
		want[r] = path
	}
	// Those of one prefix with and without a community replace each other, so what is
	// withdrawn goes first.
	for _, key := range slices.Collect(maps.Keys(g.said)) {
		if want[key] == nil {
			if err := g.server.DeletePath(apiutil.DeletePathRequest{Paths: []*apiutil.Path{g.said[key]}}); err != nil {
				return fmt.Errorf("withdrawing: %w", err)
			}
			delete(g.said, key)
		}
	}
	for key, path := range want {
		if g.said[key] != nil {
			continue
		}
		if _, err := g.server.AddPath(apiutil.AddPathRequest{Paths: []*apiutil.Path{path}}); err != nil {
			return fmt.Errorf("announcing: %w", err)
		}
		g.said[key] = path
	}
	return nil
}

// Sessions are those with the configured peers.
func (g *GoBGP) Sessions(ctx context.Context) (all []Session, err error) {
	err = g.server.ListPeer(ctx, &api.ListPeerRequest{}, func(p *api.Peer) {
		state := p.GetState().GetSessionState()
		all = append(all, Session{
			Peer: p.GetConf().GetNeighborAddress(), Up: state == api.PeerState_SESSION_STATE_ESTABLISHED,
			State: strings.ToLower(strings.TrimPrefix(state.String(), "SESSION_STATE_")),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("asking GoBGP: %w", err)
	}
	return all, nil
}

// Close ends all sessions, and with them all routes.
func (g *GoBGP) Close() error {
	g.server.Stop()
	return nil
}
