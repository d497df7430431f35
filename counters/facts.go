package counters

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Fact is something that every edge of a tier knows, such as the level of a
// shop.
type Fact struct {
	// What was told. Empty if the fact was taken back or has expired.
	Value string `json:"value"`

	// When it was told.
	Told time.Time `json:"told"`

	// Until when it holds; zero is until told otherwise.
	Until time.Time `json:"until,omitzero"`
}

// ErrRefused is why a fact was not told to anybody, not even this edge.
var ErrRefused = errors.New("the fact is refused")

// Facts are few and small, so every edge knows all of them.
const (
	maxFacts = 4096
	maxName  = 200 // bytes; no spaces
	maxValue = 200 // bytes
)

// takenBack is how long an edge remembers that a fact was taken back, so that
// older news of it, which come late, do not bring it back.
const takenBack = 10 * time.Minute

// known is a fact as an edge keeps it.
type known struct {
	Fact
	stamp int64  // when it was told, in milliseconds of the store's clock; 0 as long as the store does not know
	heard *entry // the newest that the store told of it meanwhile
}

// facts are what one edge knows, and who is told of it.
type facts struct {
	mu      sync.Mutex
	known   map[string]known
	next    *time.Timer // when the next fact expires, or before
	at      time.Time   // when that is; zero: never
	closed  bool
	version int64 // of the store's facts, if this edge knows all of them
	audience[string, Fact]
}

func newFacts() *facts {
	return &facts{known: map[string]known{}, version: unsure}
}

// Facts are all facts that this edge knows.
func (f *facts) Facts() map[string]Fact {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, now := make(map[string]Fact, len(f.known)), time.Now()
	for name, k := range f.known {
		if k.Value != "" && !k.over(now) {
			all[name] = k.Fact
		}
	}
	return all
}

// over reports whether the fact has expired.
func (f Fact) over(now time.Time) bool { return !f.Until.IsZero() && !f.Until.After(now) }

// check refuses a fact that would not fit.
func check(name, value string, life time.Duration) error {
	switch {
	case name == "" || strings.ContainsAny(name, " \n"):
		return fmt.Errorf("telling %.200q: a name is neither empty nor has spaces: %w", name, ErrRefused)
	case len(name) > maxName:
		return fmt.Errorf("telling %.200q: the name is longer than %d bytes: %w", name, maxName, ErrRefused)
	case len(value) > maxValue:
		return fmt.Errorf("telling %q: the value is longer than %d bytes: %w", name, maxValue, ErrRefused)
	case life < 0:
		return fmt.Errorf("telling %q: it was over %s ago: %w", name, -life, ErrRefused)
	}
	return nil
}

// note takes a fact in that was told here. stamp is 0 if there is a store to
// tell of it.
func (f *facts) note(name, value string, life time.Duration, now time.Time, stamp int64) (known, error) {
	if err := check(name, value, life); err != nil {
		return known{}, err
	}
	k := known{Fact: Fact{Value: value, Told: now}, stamp: stamp}
	switch {
	case value == "":
		k.Until = now.Add(takenBack)
	case life > 0:
		k.Until = now.Add(life)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.put(name, k) {
		return known{}, fmt.Errorf("telling %q: there are %d facts already: %w", name, maxFacts, ErrRefused)
	}
	return k, nil
}

// put keeps the fact and has listeners told, if there is room. The caller
// holds the lock.
func (f *facts) put(name string, k known) bool {
	old, ok := f.known[name]
	if !ok && len(f.known) >= maxFacts && !f.makeRoom() {
		return false
	}
	f.known[name] = k
	if !k.Until.IsZero() {
		f.wake(k.Until)
	}
	if !old.same(k.Fact) {
		f.announce(name, k.Fact)
	}
	return true
}

// drop forgets a fact, and has listeners told. The caller holds the lock.
func (f *facts) drop(name string) {
	if f.known[name].Value != "" {
		f.announce(name, Fact{Told: time.Now()})
	}
	delete(f.known, name)
}

// makeRoom forgets what was taken back, and reports whether there was such.
func (f *facts) makeRoom() (done bool) {
	for name, k := range f.known {
		if k.Value == "" && k.stamp != 0 {
			delete(f.known, name)
			done = true
		}
	}
	return done
}

// jitter is by how much times may differ that mean the same: they were reckoned
// from how long something took.
const jitter = 100 * time.Millisecond

// same reports whether nobody needs to be told of the difference.
func (f Fact) same(g Fact) bool {
	if f.Value == "" || g.Value == "" {
		return f.Value == g.Value
	}
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= jitter }
	return f.Value == g.Value && near(f.Told, g.Told) && near(f.Until, g.Until)
}
