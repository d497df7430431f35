package incident

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// maxHeavy is how many keys a sketch follows: each one that has more than 1/64 of all is
// among them.
const maxHeavy = 64

// heavy finds the keys that occur most often, in fixed memory: the Space-Saving algorithm of
// Metwally, Agrawal and El Abbadi (2005), merged as Agarwal et al. (2012) do.
type heavy struct {
	total   uint64
	entries []heavyKey
}

// heavyKey occurred at least count-over times, and at most count times.
type heavyKey struct {
	key         netkey.Key
	count, over uint64
}

func (h *heavy) add(key netkey.Key) {
	h.total++
	if h.entries == nil {
		h.entries = make([]heavyKey, 0, maxHeavy)
	}
	least := 0
	for i := range h.entries {
		if h.entries[i].key == key {
			h.entries[i].count++
			return
		}
		if h.entries[i].count < h.entries[least].count {
			least = i
		}
	}
	if len(h.entries) < maxHeavy {
		h.entries = append(h.entries, heavyKey{key: key, count: 1})
		return
	}
	e := &h.entries[least]
	*e = heavyKey{key: key, count: e.count + 1, over: e.count}
}

// unseen is how often a key may have occurred that has no entry.
func (h *heavy) unseen() uint64 {
	if len(h.entries) < maxHeavy {
		return 0
	}
	return slices.MinFunc(h.entries, func(a, b heavyKey) int { return cmp.Compare(a.count, b.count) }).count
}

func (h *heavy) merge(other *heavy) {
	mine, theirs := h.unseen(), other.unseen()
	all := make(map[netkey.Key]heavyKey, 2*maxHeavy)
	for _, e := range h.entries {
		e.count, e.over = e.count+theirs, e.over+theirs
		all[e.key] = e
	}
	for _, e := range other.entries {
		if both, ok := all[e.key]; ok {
			e.count, e.over = both.count-theirs+e.count, both.over-theirs+e.over
		} else {
			e.count, e.over = e.count+mine, e.over+mine
		}
		all[e.key] = e
	}
	h.total += other.total
	h.entries = h.entries[:0]
	for _, e := range all {
		h.entries = append(h.entries, e)
	}
	h.entries = slices.Clip(h.top()[:min(len(all), maxHeavy)])
}

// top returns the entries, the most frequent first.
func (h *heavy) top() []heavyKey {
	return slices.SortedFunc(slices.Values(h.entries), func(a, b heavyKey) int {
		return cmp.Or(cmp.Compare(b.count-b.over, a.count-a.over), cmp.Compare(b.count, a.count), slices.Compare(a.key[:], b.key[:]))
	})
}

const heavySize = 16 + 8 + 8

func (h *heavy) append(out []byte) []byte {
	out = binary.BigEndian.AppendUint64(out, h.total)
	for _, e := range h.top() {
		out = append(out, e.key[:]...)
		out = binary.BigEndian.AppendUint64(out, e.count)
		out = binary.BigEndian.AppendUint64(out, e.over)
	}
	return out
}

func (h *heavy) read(data []byte) error {
	if len(data) < 8 || (len(data)-8)%heavySize != 0 || len(data)-8 > maxHeavy*heavySize {
		return errSources
	}
	h.total = binary.BigEndian.Uint64(data)
	if h.total > mostCount {
		return errSources
	}
	seen := map[netkey.Key]bool{}
	for data = data[8:]; len(data) > 0; data = data[heavySize:] {
		e := heavyKey{
			key:   netkey.Key(data[:16]),
			count: binary.BigEndian.Uint64(data[16:]),
			over:  binary.BigEndian.Uint64(data[24:]),
		}
		if seen[e.key] || e.count == 0 || e.over >= e.count || e.count-e.over > h.total || e.count > mostCount {
			return errSources
		}
		seen[e.key] = true
		h.entries = append(h.entries, e)
	}
	return nil
}
