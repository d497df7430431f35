package gate

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
)

// proxies tells which addresses are proxies that the server trusts: those of a CDN carry
// all customers. Caddy is asked when an address would be refused, and its answer is
// cached.
type proxies struct {
	server *caddyhttp.Server
	cache  [1024]atomic.Pointer[trust]
}

type trust struct {
	peer    netip.Addr
	trusted bool
	until   time.Time
}

const trustFor = 10 * time.Second

// known reports whether peer is cached as a proxy.
func (p *proxies) known(peer netip.Addr, now time.Time) bool {
	t := p.cache[slotOf(peer)%uint32(len(p.cache))].Load()
	return t != nil && t.trusted && t.peer == peer && now.Before(t.until)
}

// trusts reports whether peer is a proxy.
func (p *proxies) trusts(peer netip.Addr, now time.Time) bool {
	if p.server == nil {
		return false
	}
	cached := &p.cache[slotOf(peer)%uint32(len(p.cache))]
	if t := cached.Load(); t != nil && t.peer == peer && now.Before(t.until) {
		return t.trusted
	}
	trusted := clientip.IsProxy(p.server, peer)
	cached.Store(&trust{peer: peer, trusted: trusted, until: now.Add(trustFor)})
	return trusted
}

// slotOf spreads addresses over the cache. A collision costs a microsecond.
func slotOf(peer netip.Addr) uint32 {
	a := peer.As16()
	sum := uint32(2166136261) // FNV-1a
	for _, b := range a {
		sum = (sum ^ uint32(b)) * 16777619
	}
	return sum
}

// checkOrder refuses a gate that would come after TLS, or after a wrapper that reads the
// address from the connection and so waits for the client.
func checkOrder(raw []json.RawMessage) error {
	var names []string
	for _, r := range raw {
		var w struct {
			Wrapper string `json:"wrapper"`
		}
		if err := json.Unmarshal(r, &w); err != nil {
			return err // not reached: Caddy has just decoded it
		}
		names = append(names, w.Wrapper)
	}
	switch {
	case len(names) == 0:
		return nil
	case names[0] != "shop_gate":
		return errors.New("shop_gate must be the first of listener_wrappers: it decides before anything is read")
	case !slices.Contains(names, "tls"):
		return errors.New("`tls` must come after shop_gate in listener_wrappers; without that line Caddy puts TLS before all wrappers")
	case slices.Contains(names[1:], "shop_gate"):
		return errors.New("duplicate shop_gate in listener_wrappers")
	}
	return nil
}
