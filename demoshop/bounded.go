package demoshop

import "container/list"

// bounded is a map of at most max values, which evicts the value that was put longest
// ago. Its owner locks it. It is not a cache with an eviction goroutine, since tests
// count what is evicted.
type bounded[K comparable, V any] struct {
	max    int
	values map[K]*list.Element
	order  *list.List // of entry[K, V], oldest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newBounded[K comparable, V any](limit int) *bounded[K, V] {
	return &bounded[K, V]{max: limit, values: make(map[K]*list.Element), order: list.New()}
}

func (b *bounded[K, V]) get(key K) (value V, ok bool) {
	e, ok := b.values[key]
	if !ok {
		return value, false
	}
	return e.Value.(entry[K, V]).value, true
}

// put stores value as the newest and reports whether another was evicted.
func (b *bounded[K, V]) put(key K, value V) (evicted bool) {
	if e, ok := b.values[key]; ok {
		e.Value = entry[K, V]{key, value}
		b.order.MoveToBack(e)
		return false
	}
	b.values[key] = b.order.PushBack(entry[K, V]{key, value})
	if b.order.Len() <= b.max {
		return false
	}
	b.remove(b.order.Front().Value.(entry[K, V]).key)
	return true
}

// update changes a value without making it newer.
func (b *bounded[K, V]) update(key K, value V) {
	if e, ok := b.values[key]; ok {
		e.Value = entry[K, V]{key, value}
	}
}

func (b *bounded[K, V]) remove(key K) {
	if e, ok := b.values[key]; ok {
		b.order.Remove(e)
		delete(b.values, key)
	}
}

// all yields the values, oldest first.
func (b *bounded[K, V]) all(yield func(V) bool) {
	for e := b.order.Front(); e != nil; e = e.Next() {
		if !yield(e.Value.(entry[K, V]).value) {
			return
		}
	}
}
