package counters

import (
	"maps"
	"slices"
	"sync"
)

// audience are those who want to know of changes: of facts, or of bans. A slow
// one costs no more memory than what it was not called with yet.
type audience[K comparable, V any] struct {
	mu        sync.Mutex
	listeners map[*listener[K, V]]bool // whether somebody is calling it
}

// listener is one of them, and what it was not called with yet, by name and in
// the order in which it came.
type listener[K comparable, V any] struct {
	call  func(K, V)
	due   map[K]V
	order []K
}

// join has call called with all of due, in the first place. The caller holds
// the lock of what is told of, and calls callUp when it no longer does.
func (a *audience[K, V]) join(call func(K, V), due map[K]V) (l *listener[K, V], leave func()) {
	l = &listener[K, V]{call: call, due: due, order: slices.Collect(maps.Keys(due))}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listeners == nil {
		a.listeners = map[*listener[K, V]]bool{}
	}
	a.listeners[l] = true
	return l, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, l)
	}
}

// announce notes whom to call. Who calls it calls deliver when he holds no
// lock.
func (a *audience[K, V]) announce(name K, news V) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := range a.listeners {
		if _, waits := l.due[name]; !waits {
			l.order = append(l.order, name)
		}
		l.due[name] = news
	}
}

// deliver calls the listeners that have something to hear, except those that
// are being called already: who does that comes to this, too.
func (a *audience[K, V]) deliver() {
	var idle []*listener[K, V]
	a.mu.Lock()
	for l, busy := range a.listeners {
		if !busy && len(l.due) > 0 {
			a.listeners[l] = true
			idle = append(idle, l)
		}
	}
	a.mu.Unlock()
	for _, l := range idle {
		a.callUp(l)
	}
}

// callUp calls the listener until it knows everything.
func (a *audience[K, V]) callUp(l *listener[K, V]) {
	for name, news, more := a.dueTo(l); more; name, news, more = a.dueTo(l) {
		l.call(name, news)
	}
}

// dueTo returns the next change that the listener is to be called with.
func (a *audience[K, V]) dueTo(l *listener[K, V]) (name K, news V, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, listens := a.listeners[l]; !listens {
		return name, news, false
	}
	if len(l.order) == 0 {
		l.order = nil
		a.listeners[l] = false
		return name, news, false
	}
	name, l.order = l.order[0], l.order[1:]
	news = l.due[name]
	delete(l.due, name)
	return name, news, true
}
