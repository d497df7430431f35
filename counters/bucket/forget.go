package bucket

import (
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

const (
	maxForgets  = 4096 // buckets that the store is yet to forget
	forgetAgain = time.Second
)

// forgets are the buckets that the store is to forget.
type forgets struct {
	mu   sync.Mutex
	keys []netkey.Key
	wake chan struct{} // there is something to do
}

func (f *forgets) add(keys ...netkey.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.keys) < maxForgets {
		f.keys = append(f.keys, keys...)
	}
}

func (f *forgets) take() []netkey.Key {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := f.keys
	f.keys = nil
	return keys
}

func (f *forgets) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Forget makes the bucket of key full again and ends its penalty, here at once, and
// in the background in the store. Other edges forget what they know if they are told
// to.
func (r *Shared) Forget(key netkey.Key) {
	r.table.forget(&key)
	r.fallback.buckets.Invalidate(key)
	r.forgets.add(key)
	r.forgets.signal()
}

// tellForgotten has buckets deleted in the store. Those that it does not hear of now
// it is told again.
func (r *Shared) tellForgotten() {
	isCutOff := func(key netkey.Key) bool { return r.tier.IsCutOff(partition(&key)) }
	keys := r.forgets.take()
	later := slices.DeleteFunc(slices.Clone(keys), func(key netkey.Key) bool { return !isCutOff(key) })
	keys = slices.DeleteFunc(keys, isCutOff)
	for some := range slices.Chunk(keys, maxKeys) {
		var names []string
		for _, key := range some {
			names = append(names, name("bucket", &key))
		}
		if r.tier.Delete(names) != nil {
			later = append(later, some...)
		}
	}
	if len(later) > 0 {
		r.forgets.add(later...)
		time.AfterFunc(forgetAgain, r.forgets.signal)
	}
}

// forget makes the bucket of key full again: a slot that is empty equals a key that
// was never seen. A settlement that is under way finds no slot, and changes nothing
// here.
func (t *table) forget(key *netkey.Key) {
	set := t.set(key)
	set.mu.Lock()
	defer set.mu.Unlock()
	for i := range set.slots {
		if set.slots[i].key == *key && set.slots[i].matters() != 0 {
			set.tags[i], set.slots[i] = 0, slot{}
			t.keys.Add(-1)
		}
	}
}
