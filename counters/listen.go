package counters

import "time"

// Listen calls back with all known facts, and from then on with each change.
func (f *facts) Listen(call func(name string, f Fact)) (stop func()) {
	f.mu.Lock()
	due := map[string]Fact{}
	for name, k := range f.known {
		if k.Value != "" {
			due[name] = k.Fact
		}
	}
	l, stop := f.audience.join(call, due)
	f.mu.Unlock()
	f.callUp(l)
	return stop
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
