package counters

import "time"

// listener is somebody who wants to know of changes. Those that it was not
// called with yet are kept by name, so a slow one costs no more memory than
// the facts do.
type listener struct {
	call func(name string, f Fact)
	due  map[string]Fact
}

// Listen calls back with all known facts, and from then on with each change.
func (f *facts) Listen(call func(name string, f Fact)) (stop func()) {
	l := &listener{call: call, due: map[string]Fact{}}
	f.mu.Lock()
	for name, k := range f.known {
		if k.Value != "" {
			l.due[name] = k.Fact
		}
	}
	f.listeners[l] = true
	f.mu.Unlock()
	f.callUp(l)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, l)
	}
}

// announce notes whom to call. The caller holds the lock, and calls deliver
// when it no longer does.
func (f *facts) announce(name string, fact Fact) {
	for l := range f.listeners {
		l.due[name] = fact
	}
}

// deliver calls the listeners that have something to hear, except those that
// are being called already: who does that comes to this, too.
func (f *facts) deliver() {
	var idle []*listener
	f.mu.Lock()
	for l, busy := range f.listeners {
		if !busy && len(l.due) > 0 {
			f.listeners[l] = true
			idle = append(idle, l)
		}
	}
	f.mu.Unlock()
	for _, l := range idle {
		f.callUp(l)
	}
}

// callUp calls the listener until it knows everything.
func (f *facts) callUp(l *listener) {
	for name, fact, more := f.dueTo(l); more; name, fact, more = f.dueTo(l) {
		l.call(name, fact)
	}
}

// dueTo returns the next change that the listener is to be called with.
func (f *facts) dueTo(l *listener) (name string, fact Fact, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, listens := f.listeners[l]; !listens {
		return "", Fact{}, false
	}
	for name, fact := range l.due {
		delete(l.due, name)
		return name, fact, true
	}
	f.listeners[l] = false
	return "", Fact{}, false
}

// wake has expire called at the given time or before. The caller holds the
// lock.
func (f *facts) wake(at time.Time) {
	if f.closed || !f.at.IsZero() && !at.Before(f.at) {
		return
	}
	f.at = at
	if f.next != nil {
		f.next.Stop()
	}
	f.next = time.AfterFunc(time.Until(at), f.expire)
}

// expire forgets what is over. A fact that the store was never told of becomes
// one that was taken back: it replaced an older one that other edges know.
func (f *facts) expire() {
	f.mu.Lock()
	now, next := time.Now(), time.Time{}
	for name, k := range f.known {
		if k.over(now) {
			f.drop(name)
			if k.stamp != 0 || k.Value == "" {
				continue
			}
			k.Value, k.Until = "", now.Add(takenBack)
			f.known[name] = k
		}
		if !k.Until.IsZero() && (next.IsZero() || k.Until.Before(next)) {
			next = k.Until
		}
	}
	f.at = time.Time{}
	if !next.IsZero() {
		f.wake(next)
	}
	f.mu.Unlock()
	f.deliver()
}

// close ends the waiting for facts to expire.
func (f *facts) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.next != nil {
		f.next.Stop()
	}
}
