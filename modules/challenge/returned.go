package challenge

import (
	"encoding/binary"
	"sync/atomic"
)

// seenSet remembers passes that were used, so that each is counted once. A bucket that
// was full cannot tell: after a few seconds it is as full as before. Where two passes share an entry, one
// of them may be counted again; of a thousand new ones within comesBack that happens to
// fifteen.
type seenSet [1 << 16]atomic.Uint64

// add reports whether the pass is used for the first time.
func (s *seenSet) add(id [8]byte) (isNew bool) {
	number := binary.LittleEndian.Uint64(id[:])
	entry := &s[number%uint64(len(s))]
	return entry.Load() != number && entry.Swap(number) != number
}

// seenPasses are the passes that were used at this edge, of all shops.
var seenPasses seenSet
