package challenge

import (
	"encoding/binary"
	"sync/atomic"
)

// newcomers remembers passes that were used, so that each is counted once. A
// bucket cannot tell: after a few seconds it is as full as before. Where two
// passes share a place, one of them may be counted again; of a thousand new ones
// within comesBack that happens to fifteen.
type newcomers [1 << 16]atomic.Uint64

// isNew reports whether the pass is used for the first time.
func (n *newcomers) isNew(id [8]byte) bool {
	number := binary.LittleEndian.Uint64(id[:])
	place := &n[number%uint64(len(n))]
	return place.Load() != number && place.Swap(number) != number
}

// returning are the passes that were used at this edge, of all shops.
var returning newcomers
