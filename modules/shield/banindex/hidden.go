package banindex

import (
	"sync/atomic"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// hidden is what of the clients that were banned for what they did at a shop never became a
// request.
type hidden struct {
	packets, connections atomic.Uint64
}

// maxShops bounds the shops that are counted for.
const maxShops = 4096

// CountPackets counts what the scrubber dropped because of a ban.
func (x *Index) CountPackets(key netkey.Key, packets uint64) {
	if h := x.hiddenBy(key); h != nil {
		h.packets.Add(packets)
	}
}

// CountConnection counts a connection, or a datagram of QUIC, that the gate refused because of a
// ban.
func (x *Index) CountConnection(key netkey.Key) {
	if h := x.hiddenBy(key); h != nil {
		h.connections.Add(1)
	}
}

// hiddenBy returns the counts of the shop for which a ban was made; nil where this edge does not
// know it: another edge has made the ban, or an operator has, for all shops.
func (x *Index) hiddenBy(key netkey.Key) *hidden {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.origins[key]
}

// Hidden returns what of the clients that were banned for what they did at a shop never became a
// request, since the edge started: packets that the scrubber dropped and connections that the gate
// refused, and both together. What is not known to be of a shop is not counted.
func (x *Index) Hidden(id shop.ID) (all, packets, connections uint64) {
	x.mu.RLock()
	h := x.hidden[id]
	x.mu.RUnlock()
	if h == nil {
		return 0, 0, 0
	}
	packets, connections = h.packets.Load(), h.connections.Load()
	return packets + connections, packets, connections
}

// belongs notes for which shop a ban was made. It expects the caller to hold the lock.
func (x *Index) belongs(key netkey.Key, at shop.ID) {
	h := x.hidden[at]
	if h == nil {
		if at == "" || len(x.hidden) >= maxShops {
			return
		}
		h = new(hidden)
		x.hidden[at] = h
	}
	x.origins[key] = h
}
