package gate

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/dchest/siphash"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// state is what outlives a reload: the counts of all gates. A connection that outlives
// the last gate is still counted in the state that it was accepted with.
type state struct {
	k0, k1    uint64 // of SipHash, so that no client can choose colliding addresses
	rates     *counters.Memory
	table     table
	halfOpen  halfOpen
	knownCIDs seenCIDs

	open sync.Map // listener name to *atomic.Int64: its open connections
}

// rateMemory is enough for about 100,000 prefixes.
const rateMemory = 8 << 20

const stateKey = "gate"

var states = caddy.NewUsagePool()

func newState() (caddy.Destructor, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	s := &state{
		k0: binary.LittleEndian.Uint64(random[:8]), k1: binary.LittleEndian.Uint64(random[8:]),
		rates: counters.NewMemory(rateMemory),
	}
	s.table.init()
	return s, nil
}

// Destruct stops the background work of the counters.
func (s *state) Destruct() error { return s.rates.Close() }

// keysOf returns the keys of a peer's client and subnet at a listener.
func (s *state) keysOf(peer netip.Addr, at *listenerStats) (keys [scopes]netkey.Key) {
	widths := [scopes]int{32, 24}
	if peer.Is6() {
		widths = [scopes]int{64, 48}
	}
	var data [26]byte
	binary.LittleEndian.PutUint64(data[18:], at.id)
	data[16] = byte(peer.BitLen() / 8)
	for i, width := range widths {
		prefix, err := peer.Prefix(width)
		if err != nil {
			continue // not an address: all such peers share a key
		}
		a := prefix.Addr().As16()
		copy(data[:16], a[:])
		data[17] = byte(width)
		one, two := siphash.Hash128(s.k0, s.k1, data[:])
		binary.LittleEndian.PutUint64(keys[i][:8], one)
		binary.LittleEndian.PutUint64(keys[i][8:], two)
	}
	return keys
}

// hash is for everything else that must not be predictable.
func (s *state) hash(data []byte) uint64 { return siphash.Hash(s.k0, s.k1, data) }
