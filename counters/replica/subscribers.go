package replica

import (
	"maps"
	"slices"
	"sync"
)

// subscribers want to know of changes. A slow one costs no more memory than what
// it was not called with yet.
type subscribers struct {
	mu   sync.Mutex
	busy map[*subscriber]bool // whether it is being called
}

// subscriber is one of them, and what it was not called with yet, by topic and in
// the order in which it came.
type subscriber struct {
	call  func(Change)
	due   map[topic]Change
	order []topic
}

// topic is what a subscriber hears the last of: what became of an entry, and apart
// from that what was refused.
type topic struct {
	id      string
	refused bool
}

// join has call called with all of due first. The caller holds the map's lock, and
// calls drain when it no longer does.
func (s *subscribers) join(call func(Change), due map[topic]Change) (one *subscriber, leave func()) {
	one = &subscriber{call: call, due: due, order: slices.Collect(maps.Keys(due))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy == nil {
		s.busy = map[*subscriber]bool{}
	}
	s.busy[one] = true
	return one, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, one)
	}
}

// announce notes what subscribers are to be called with. The caller calls deliver
// when it holds no lock.
func (s *subscribers) announce(t topic, c Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.busy {
		if _, waits := one.due[t]; !waits {
			one.order = append(one.order, t)
		}
		one.due[t] = c
	}
}

// deliver calls the subscribers that have something to hear, except those that are
// being called already: the caller that does that comes to this also.
func (m *Map) deliver() {
	for _, k := range m.kinds {
		for _, one := range k.idle() {
			k.drain(one)
		}
	}
}

// idle returns the subscribers that are to be called, and notes that they are.
func (s *subscribers) idle() (idle []*subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one, busy := range s.busy {
		if !busy && len(one.due) > 0 {
			s.busy[one] = true
			idle = append(idle, one)
		}
	}
	return idle
}

// drain calls the subscriber until it knows everything.
func (s *subscribers) drain(one *subscriber) {
	for c, more := s.dueTo(one); more; c, more = s.dueTo(one) {
		one.call(c)
	}
}

// dueTo returns the next change that the subscriber is to be called with.
func (s *subscribers) dueTo(one *subscriber) (c Change, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, joined := s.busy[one]; !joined {
		return c, false
	}
	if len(one.order) == 0 {
		one.order = nil
		s.busy[one] = false
		return c, false
	}
	t := one.order[0]
	one.order = one.order[1:]
	c = one.due[t]
	delete(one.due, t)
	return c, true
}
