package counters

import "github.com/theriac-edge/theriac/shop/netkey"

// forget makes the bucket of key full again: a slot that is empty equals a key
// that was never seen. A settlement that is under way finds no slot, and
// changes nothing here.
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
