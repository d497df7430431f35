package gate

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
)

// proxies tells which addresses are proxies that the server trusts: those of a
// CDN bring all customers. Caddy is asked when an address would be refused, and
// the answer kept for a while.
type proxies struct {
	server *caddyhttp.Server
	said   [1024]atomic.Pointer[trust]
}

type trust struct {
	peer    netip.Addr
	trusted bool
	until   time.Time
}

const trustFor = 10 * time.Second

// known reports whether peer has turned out to be a proxy lately.
func (p *proxies) known(peer netip.Addr, now time.Time) bool {
	t := p.said[slotOf(peer)%uint32(len(p.said))].Load()
	return t != nil && t.trusted && t.peer == peer && now.Before(t.until)
}

// trusts reports whether peer is a proxy.
func (p *proxies) trusts(peer netip.Addr, now time.Time) bool {
	if p.server == nil {
		return false
	}
	said := &p.said[slotOf(peer)%uint32(len(p.said))]
	if t := said.Load(); t != nil && t.peer == peer && now.Before(t.until) {
		return t.trusted
	}
	trusted := shield.IsProxy(p.server, peer)
	said.Store(&trust{peer: peer, trusted: trusted, until: now.Add(trustFor)})
	return trusted
}

// slotOf spreads addresses; who makes two meet gains a microsecond of ours.
func slotOf(peer netip.Addr) uint32 {
	a := peer.As16()
	sum := uint32(2166136261) // FNV-1a
	for _, b := range a {
		sum = (sum ^ uint32(b)) * 16777619
	}
	return sum
}

// checkPlace refuses a gate that would stand behind TLS, or behind a wrapper
// that must be asked, and waits, for the address of a connection.
func checkPlace(raw []json.RawMessage) error {
	var names []string
	for _, r := range raw {
		var w struct {
			Wrapper string `json:"wrapper"`
		}
		if err := json.Unmarshal(r, &w); err != nil {
			return err // not reached: Caddy has just read it
		}
		names = append(names, w.Wrapper)
	}
	switch {
	case len(names) == 0:
		return nil
	case names[0] != "shop_gate":
		return errors.New("it must be the first of listener_wrappers: it decides before anything is read")
	case !slices.Contains(names, "tls"):
		return errors.New("`tls` must come after it in listener_wrappers; without that line Caddy puts TLS before all wrappers")
	case slices.Contains(names[1:], "shop_gate"):
		return errors.New("it stands twice in listener_wrappers")
	}
	return nil
}
