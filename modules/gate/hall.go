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

// A hall is what outlives a reload: the counts of all gates. A connection that outlives the last gate goes on
// counting in the hall that it came in by.
type hall struct {
	k0, k1  uint64 // of the keys: nobody outside can choose addresses that meet
	paces   *counters.Memory
	table   table
	waiting waiting
	begun   begun

	open sync.Map // listener to *atomic.Int64: its open connections
}

// paceMemory holds some 100,000 places at a time.
const paceMemory = 8 << 20

const hallKey = "gate"

var halls = caddy.NewUsagePool()

func newHall() (caddy.Destructor, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	h := &hall{
		k0: binary.LittleEndian.Uint64(random[:8]), k1: binary.LittleEndian.Uint64(random[8:]),
		paces: counters.NewMemory(paceMemory),
	}
	h.table.make()
	return h, nil
}

// Destruct ends what the counters do beside the path.
func (h *hall) Destruct() error { return h.paces.Close() }

// keysOf are the two places of a peer at a listener.
func (h *hall) keysOf(peer netip.Addr, at *post) (keys [places]netkey.Key) {
	widths := [places]int{32, 24}
	if peer.Is6() {
		widths = [places]int{64, 48}
	}
	var data [26]byte
	binary.LittleEndian.PutUint64(data[18:], at.id)
	data[16] = byte(peer.BitLen() / 8)
	for i, width := range widths {
		prefix, err := peer.Prefix(width)
		if err != nil {
			continue // no address at all: all of these are one
		}
		a := prefix.Addr().As16()
		copy(data[:16], a[:])
		data[17] = byte(width)
		one, two := siphash.Hash128(h.k0, h.k1, data[:])
		binary.LittleEndian.PutUint64(keys[i][:8], one)
		binary.LittleEndian.PutUint64(keys[i][8:], two)
	}
	return keys
}

// hash is for all else that must not be predicted.
func (h *hall) hash(data []byte) uint64 { return siphash.Hash(h.k0, h.k1, data) }

// waiting are the connections that are not finished, oldest first.
type waiting struct {
	mu             sync.Mutex
	oldest, newest *conn
	n              int
}

// add puts a connection at the end. If that makes more than room it takes out
// the oldest, for the caller to close.
func (w *waiting) add(c *conn, room int) (displaced *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.waits, c.older = true, w.newest
	if w.newest != nil {
		w.newest.newer = c
	} else {
		w.oldest = c
	}
	w.newest = c
	w.n++
	if w.n > room {
		displaced = w.oldest
		w.take(displaced)
	}
	return displaced
}

// remove takes out a connection that is finished, or closed.
func (w *waiting) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.waits {
		w.take(c)
	}
}

func (w *waiting) take(c *conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		w.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		w.newest = c.older
	}
	c.waits, c.older, c.newer = false, nil, nil
	w.n--
}

func (w *waiting) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}
