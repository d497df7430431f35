package replica

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed set.lua
var setLua string

var (
	mapKey     = tier.Key("map")
	changesKey = tier.Key("map:changes")
)

// channel is where every change is published.
const channel = "theriac:map"

// Request asks for an entry to be set, or deleted.
type Request struct {
	Entry                // Told and Until are not read
	TTL    time.Duration // 0: an open end
	Delete bool

	// What the kind's admission needs to know. nil: it is not asked.
	Claim any
}

// request is what the store is yet to be told of an entry.
type request struct {
	claim any
	heard *entry // the latest that the store has told of this id meanwhile
}

// errLost is why an entry is set at this edge only.
var errLost = fmt.Errorf("%w, so the other edges are told later", tier.ErrLost)

// Request asks for a change in the background, and returns at once. An entry is
// set when the store has admitted it, at every edge, or if the store is lost at
// this edge; a refusal by the store comes to listeners. A deletion holds here at
// once. A nil error means that the change was requested, or that what stands takes
// precedence.
func (m *Map) Request(kind string, r Request) error {
	k := m.kind(kind)
	e, publish, err := m.prepare(k, &r)
	if publish {
		m.outbox.add(func(t *todo) { t.requests = append(t.requests, requested{k, e}) })
	}
	m.deliver()
	if errors.Is(err, ErrOutranked) || errors.Is(err, errLost) {
		return nil
	}
	return err
}

// setNow is Set and Delete.
func (m *Map) setNow(ctx context.Context, name string, r *Request) error {
	k := m.kind(name)
	e, publish, err := m.prepare(k, r)
	if publish {
		var refused error
		refused, err = m.publish(ctx, k, []*entry{e}, m.tier.Deadline())
		err = errors.Join(refused, err)
	}
	m.deliver()
	if err != nil {
		return fmt.Errorf("replica: setting %s %q: %w", name, r.ID, err)
	}
	return nil
}

// prepare makes the entry that is asked for, unless this edge knows that it is not
// to be set. It stands at once if there is no store to ask, or if it is a deletion;
// otherwise it is on its way to the store, which is to be told of it if publish is
// set.
func (m *Map) prepare(k *kind, r *Request) (e *entry, publish bool, err error) {
	if err := r.check(); err != nil {
		return nil, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	old, asked := k.entries[r.ID], k.requested[r.ID]
	if e, err = m.make(k, r, now, old, asked); err != nil {
		return nil, false, err
	}
	lost := m.tier != nil && m.tier.Lost()
	switch {
	case !e.beats(k.Rank, old, now), !e.beats(k.Rank, asked, now):
		return nil, false, ErrOutranked
	case asked == nil && !e.deleted && len(k.requested) >= maxRequests:
		return nil, false, ErrFull
	case k.Admission != nil && e.checked(r.Claim):
		if err := k.Admission.Check(r.Claim, m.time(now)); err != nil {
			return nil, false, err
		}
	}
	if m.tier != nil {
		e.request = &request{claim: r.Claim}
		if !lost && !e.deleted {
			k.requested[e.id] = e
			return e, true, nil
		}
	}
	if !m.put(k, e) {
		return nil, false, ErrFull
	}
	if lost {
		return e, false, errLost
	}
	return e, m.tier != nil, nil
}

// checked reports whether the admission is to check the entry.
func (e *entry) checked(claim any) bool {
	return claim != nil && e.priority == Automatic && !e.deleted
}

// make makes an entry that is set now, later than what stands and what is asked
// for.
func (m *Map) make(k *kind, r *Request, now int64, known ...*entry) (*entry, error) {
	e := &entry{id: r.ID, value: r.Value, priority: r.Priority, deleted: r.Delete, told: now, until: now + int64(forever)}
	if r.TTL > 0 {
		e.until = now + int64(min(r.TTL, forever))
	}
	if e.deleted {
		e.until = now + int64(deletedLife)
	}
	for _, old := range known {
		if old == nil || old.over(now) {
			continue
		}
		e.told = max(e.told, old.told+int64(time.Millisecond))
		if e.deleted && old.until-now < int64(forever/2) {
			e.until = max(e.until, old.until)
		}
	}
	return e, m.parse(k, e)
}
