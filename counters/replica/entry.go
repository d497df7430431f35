package replica

import (
	"container/heap"
	"time"
)

// entry is an entry as an edge keeps it. Times are nanoseconds since 1970, by the
// monotonic clock of this process.
type entry struct {
	id, value   string
	data        any
	told, until int64
	priority    Priority
	deleted     bool

	// What the store says of it. Times are milliseconds of its clock.
	stamp   int64 // when it was set; 0 as long as the store does not know of it
	ends    int64
	version int64
	round   int64 // the last reading of the whole map that has shown it

	index   int      // in its heap
	request *request // what the store is yet to be told; nil: nothing
}

// now is the time as entries count it.
func (m *Map) now() int64 { return m.origin + int64(time.Since(m.start)) }

// time makes a time of it.
func (m *Map) time(at int64) time.Time { return m.start.Add(time.Duration(at - m.origin)) }

// entry returns the entry as others see it.
func (m *Map) entry(e *entry) Entry {
	known := Entry{ID: e.id, Value: e.value, Priority: e.priority, Told: m.time(e.told)}
	if e.until-e.told < int64(forever/2) {
		known.Until = m.time(e.until)
	}
	return known
}

func (m *Map) change(e *entry, k ChangeKind) Change {
	return Change{Entry: m.entry(e), Kind: k, Data: e.data}
}

// over reports whether the entry has ended.
func (e *entry) over(now int64) bool { return now >= e.until }

// millis is what the store counts.
func millis(at int64) int64 { return at / int64(time.Millisecond) }

// kept is 1 for an entry that never gives way to another, else 0.
func (e *entry) kept() int {
	if e.priority == Manual && !e.deleted {
		return 1
	}
	return 0
}

// jitter is by how much times may differ that mean the same: they were computed
// from how long something took.
const jitter = time.Second

// isCorrectionOf reports whether e is the same version as old, and only its end was not known
// rightly: this edge was asleep, or read it when the store's clock had just been set. What
// differs by less may be the time that the answer took.
func (e *entry) isCorrectionOf(old *entry) bool {
	return e.version == old.version && time.Duration(e.until-old.until).Abs() >= 2*jitter
}

// same reports whether no listener needs to be told of the difference.
func (e *entry) same(old *entry) bool {
	if old == nil {
		return e.deleted && e.value == ""
	}
	switch {
	case e.deleted != old.deleted || e.value != old.value:
		return false
	case e.deleted && e.value == "":
		return true
	}
	near := func(a, b int64) bool { return time.Duration(a-b).Abs() <= jitter }
	if e.stamp != 0 && old.stamp != 0 && !e.isCorrectionOf(old) {
		return e.stamp == old.stamp && (e.deleted || e.ends == old.ends && e.priority == old.priority)
	}
	return near(e.told, old.told) && (e.deleted || near(e.until, old.until) && e.priority == old.priority)
}

// put has e stand in its place, and listeners told, if there is room. The caller
// holds the lock.
func (m *Map) put(k *kind, e *entry) bool {
	old := k.entries[e.id]
	if old == nil && len(k.entries) >= k.Max {
		if len(k.ends[0]) == 0 {
			return false
		}
		m.drop(k, k.ends[0][0])
	}
	var was any
	if old != nil {
		was = old.data
		k.uncount(old)
	}
	k.entries[e.id] = e
	heap.Push(&k.ends[e.kept()], e)
	if !e.deleted {
		k.live.Add(1)
	}
	if e.request != nil {
		k.pending++
	}
	m.wakeAt(e.until)
	if k.Apply != nil {
		k.Apply(was, e.data)
	}
	switch {
	case e.same(old):
	case e.deleted:
		k.announce(topic{id: e.id}, m.change(e, Deleted))
	default:
		k.announce(topic{id: e.id}, m.change(e, Set))
	}
	return true
}

// drop forgets an entry, and has listeners told that it is over. The caller holds
// the lock.
func (m *Map) drop(k *kind, e *entry) {
	if k.entries[e.id] != e {
		return
	}
	delete(k.entries, e.id)
	k.uncount(e)
	if k.Apply != nil {
		k.Apply(e.data, nil)
	}
	if !e.deleted {
		k.announce(topic{id: e.id}, m.change(e, Expired))
	}
}

// uncount removes an entry that no longer stands from its heap.
func (k *kind) uncount(e *entry) {
	heap.Remove(&k.ends[e.kept()], e.index)
	if !e.deleted {
		k.live.Add(-1)
	}
	if e.request != nil {
		k.pending--
	}
}

// wakeAt has expire called at the given time or before. The caller holds the lock.
func (m *Map) wakeAt(at int64) {
	if m.closed || m.at != 0 && at >= m.at {
		return
	}
	m.at = at
	if m.next != nil {
		m.next.Stop()
	}
	m.next = time.AfterFunc(time.Duration(at-m.now()), m.expire)
}

// expire forgets what is over.
func (m *Map) expire() {
	m.mu.Lock()
	m.at = 0
	now := m.now()
	for _, k := range m.kinds {
		for i := range k.ends {
			for len(k.ends[i]) > 0 && k.ends[i][0].over(now) {
				m.end(k, k.ends[i][0], now)
			}
			if len(k.ends[i]) > 0 {
				m.wakeAt(k.ends[i][0].until)
			}
		}
	}
	m.mu.Unlock()
	m.deliver()
}

// end forgets one entry that is over. An entry of which the store was never told
// becomes a deletion if it has replaced an older one that other edges know.
func (m *Map) end(k *kind, e *entry, now int64) {
	m.drop(k, e)
	if e.request == nil || e.version != 0 || e.deleted || e.priority == Automatic && k.Rank == Longest {
		return
	}
	d := &entry{id: e.id, told: e.told, until: now + int64(deletedLife), priority: e.priority, deleted: true, request: &request{}}
	if m.parse(k, d) == nil {
		m.put(k, d)
	}
}

// parse has the kind read an entry.
func (m *Map) parse(k *kind, e *entry) (err error) {
	if k.Parse != nil {
		known := m.entry(e)
		e.data, err = k.Parse(&known, e.deleted)
		e.value = known.Value
	}
	return err
}

// expiryHeap has the entry that ends first in front.
type expiryHeap []*entry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].until < h[j].until }

func (h expiryHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for container/heap.
func (h *expiryHeap) Push(e any) {
	e.(*entry).index = len(*h)
	*h = append(*h, e.(*entry))
}

// Pop is for container/heap.
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	return e
}
