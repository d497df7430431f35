// Package replica is the one map that every edge of a tier has a copy of: levels
// of shops, bans, and whatever else all edges must know. Entries belong to kinds
// and end by themselves; of two entries of one id the same one takes precedence at
// every edge.
//
// It stands on the tier. A change is decided by the store in one step, gets the
// next version, and is published; an edge that missed some reads what changed
// since the version that it knows, or everything if the store was emptied or went
// back, and tells the store what that has forgotten. If the store is lost a change
// holds at this edge, and is told as soon as the store is back; what is known goes
// on to hold.
package replica

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

// Bounds of one entry, in bytes. An id has no spaces.
const (
	MaxID    = 200
	MaxValue = 4096
)

const (
	// deletedLife is how long a deletion is remembered, so that older news of the
	// entry, which come late, do not bring it back. What was deleted and would have
	// ended later is remembered as long as that.
	deletedLife = 10 * time.Minute

	// forever is the life of an entry with an open end.
	forever = 100 * 365 * 24 * time.Hour

	// maxRequests bounds the changes of one kind that wait for the store's answer.
	maxRequests = 16384
)

// Why an entry is not set, at this edge or any other.
var (
	ErrRefused   = errors.New("the entry is refused")
	ErrFull      = fmt.Errorf("there is no room for another: %w", ErrRefused)
	ErrOutranked = fmt.Errorf("another one takes precedence: %w", ErrRefused)
)

// Kind is a kind of entries, which is registered once, with New.
type Kind struct {
	// The name, a few lower-case letters.
	Name string

	// How many entries there may be, deletions that are remembered included. What
	// is automatic or deleted and ends first gives way to another entry; manual
	// entries never do.
	Max int

	// Which of two automatic entries takes precedence.
	Rank Rank

	// (optional) Checks entries that are to be set.
	Admission Admission

	// (optional) Parse refuses ids and values that are malformed, and returns
	// them in a form of their own, Change.Data. It may replace a value by an equal
	// one that it has already.
	Parse func(e *Entry, deleted bool) (data any, err error)

	// (optional) Apply is called with what takes the place of what, as Parse has
	// returned it; nil is nothing. Calls come one at a time and before anything
	// that depends on them, and must not call the map.
	Apply func(old, data any)
}

// Admission checks automatic entries that are to be set: at this edge, as far as
// that knows, and then in the store in one step with setting them. Manual entries,
// deletions, and entries that the store has forgotten are not checked.
type Admission interface {
	// Script is Lua that defines `local function admit(now, args)`. It returns
	// nil, or why not: a name, and what Refused needs to know. Its keys are
	// KEYS[4] and following.
	Script() (lua string, keys []string)

	// Args are the arguments for the script, always as many; the first is not "".
	Args(claim any) []string

	// Check refuses what this edge knows to be in vain. It must not call the map.
	Check(claim any, now time.Time) error

	// Refused makes an error of what the script returned. It must not call the map.
	Refused(claim any, answer string, now time.Time) error

	// Publish tells the store what the script needs to know, everything if the
	// store may have forgotten it. It is called before requests are sent.
	Publish(everything bool)
}

// Entry is one entry of the map.
type Entry struct {
	ID       string
	Value    string
	Priority Priority

	// When it was set.
	Told time.Time

	// When it ends. Zero: when it is deleted.
	Until time.Time
}

// Change is what became of an entry.
type Change struct {
	Entry
	Kind ChangeKind

	// What Kind.Parse made of the entry.
	Data any

	// Err is why a request was refused.
	Err error
}

// Holds reports whether the entry stands from now on.
func (c *Change) Holds() bool { return c.Kind == Set }

// Over reports whether the entry stood and no longer does.
func (c *Change) Over() bool { return c.Kind == Deleted || c.Kind == Expired }

// ChangeKind is what became of an entry.
type ChangeKind uint8

// The kinds of changes.
const (
	Set     ChangeKind = iota // it is new, or other than before
	Deleted                   // it was deleted; Value is what was said to that
	Expired                   // its time is up, or it had to make room
	Refused                   // it was requested, and the store refused it
)

// Map is one edge's copy. Its methods are safe for concurrent use.
type Map struct {
	tier   *tier.Tier // nil: this process is every edge
	kinds  map[string]*kind
	start  time.Time
	origin int64 // start in nanoseconds since 1970

	mu      sync.Mutex
	next    *time.Timer // when the next entry ends, or before
	at      int64       // when that is; 0: never
	closed  bool
	version int64 // of the store's map, if this edge has all of it
	heard   int64 // the latest version that was published; unknown if the subscription is new
	before  int64 // the version at the last heartbeat
	deaf    int   // how many heartbeats have shown what was not heard
	renewed bool  // the subscription is being renewed
	began   int64 // the first version of the store's map
	round   int64 // how many times the whole map was read
	epoch   int64 // how many times the version became unknown

	doubtful bool // the ends of entries are to be compared with the store's

	outbox outbox
	begun  sync.Once
	quit   context.CancelFunc
	loop   sync.WaitGroup
}

// unknown is the version of an edge that cannot tell whether it has everything.
const unknown = -1

// kind is what an edge has of a kind. The map's lock holds for it.
type kind struct {
	Kind
	entries   map[string]*entry
	ends      [2]expiryHeap     // of entries that may be displaced, and of manual ones
	requested map[string]*entry // the store is being asked for them
	live      atomic.Int64      // entries that are not deleted
	pending   int               // entries that the store is yet to be told of
	script    *tier.Script
	keys      []string
	width     int // arguments for the admission
	subscribers
}

// New makes an empty map of these kinds. t is nil where one process is every edge.
func New(t *tier.Tier, kinds ...Kind) *Map {
	m := &Map{tier: t, kinds: map[string]*kind{}, start: time.Now(), version: unknown, heard: unknown, quit: func() {}}
	m.origin = m.start.UnixNano()
	m.outbox.wake = make(chan struct{}, 1)
	for _, k := range kinds {
		m.kinds[k.Name] = newKind(k)
	}
	if t != nil {
		t.Follow(tier.Feed{Key: mapKey, Channel: channel, Version: m.compare, Message: m.receive, Subscribed: m.subscribed, Corrected: m.corrected})
		t.OnChange(func(shared bool) {
			if !shared {
				m.invalidate()
			}
		})
	}
	return m
}

func newKind(k Kind) *kind {
	made := &kind{Kind: k, entries: map[string]*entry{}, requested: map[string]*entry{}}
	made.keys = []string{mapKey, changesKey, tier.Key("map:ends:" + k.Name)}
	admission := "local admit\n"
	if k.Admission != nil {
		var keys []string
		admission, keys = k.Admission.Script()
		made.keys = append(made.keys, keys...)
		made.width = len(k.Admission.Args(nil))
	}
	made.keys = append(made.keys, tier.ClockKey)
	made.script = tier.NewTimed(admission + setLua)
	return made
}

// kind returns a kind that was registered.
func (m *Map) kind(name string) *kind {
	k := m.kinds[name]
	if k == nil {
		panic(fmt.Sprintf("replica: kind %q is not registered", name))
	}
	return k
}

// Set sets an entry for ttl, 0 until it is deleted, and waits for the store's
// answer, at most its deadline. With ErrRefused no edge has it; with any other
// error only this edge has it so far, and tells the store as soon as that is back.
func (m *Map) Set(ctx context.Context, kind, id, value string, ttl time.Duration, p Priority) error {
	return m.setNow(ctx, kind, &Request{Entry: Entry{ID: id, Value: value, Priority: p}, TTL: ttl})
}

// Delete deletes an entry; a program deletes nothing that an operator has set.
// Errors are those of Set.
func (m *Map) Delete(ctx context.Context, kind, id string, p Priority) error {
	return m.setNow(ctx, kind, &Request{Entry: Entry{ID: id, Priority: p}, Delete: true})
}

// Get returns an entry, if this edge knows of it.
func (m *Map) Get(kind, id string) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.kind(kind).entries[id]; e != nil && !e.deleted && !e.over(m.now()) {
		return m.entry(e), true
	}
	return Entry{}, false
}

// All returns the entries that this edge knows of, in no order.
func (m *Map) All(kind string) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, now := m.kind(kind), m.now()
	all := make([]Entry, 0, k.live.Load())
	for _, e := range k.entries {
		if !e.deleted && !e.over(now) {
			all = append(all, m.entry(e))
		}
	}
	return all
}

// Listen calls back with each entry that is known, then with each change. Calls
// come one at a time; a slow listener may miss all but the last change of an
// entry, and all but the last refusal. They must return soon, and may call any
// method of the map. After stop at most the call that is under way goes on.
func (m *Map) Listen(kind string, call func(Change)) (stop func()) {
	m.mu.Lock()
	k := m.kind(kind)
	due := map[topic]Change{}
	for _, e := range k.entries {
		if !e.deleted {
			due[topic{id: e.id}] = m.change(e, Set)
		}
	}
	s, stop := k.join(call, due)
	m.mu.Unlock()
	k.drain(s)
	return stop
}

// Count returns how many entries of a kind this edge knows, and of how many
// changes the other edges do not know yet.
func (m *Map) Count(kind string) (entries, pending int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kind(kind)
	return int(k.live.Load()), k.pending + len(k.requested)
}

// check refuses an entry that would not fit.
func (r *Request) check() error {
	switch {
	case r.ID == "" || strings.ContainsAny(r.ID, " \n"):
		return fmt.Errorf("%.200q: an id must not be empty and has no spaces: %w", r.ID, ErrRefused)
	case len(r.ID) > MaxID:
		return fmt.Errorf("%.200q: the id is longer than %d bytes: %w", r.ID, MaxID, ErrRefused)
	case len(r.Value) > MaxValue:
		return fmt.Errorf("%q: the value is longer than %d bytes: %w", r.ID, MaxValue, ErrRefused)
	case r.TTL < 0:
		return fmt.Errorf("%q: it was over %s ago: %w", r.ID, -r.TTL, ErrRefused)
	}
	return nil
}

// Version returns the version of the store's map up to which this edge has everything,
// and whether it is sure of that.
func (m *Map) Version() (version int64, sure bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, m.version != unknown
}
