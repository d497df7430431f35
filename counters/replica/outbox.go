package replica

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

const (
	maxCommand      = 256     // entries in one command
	maxCommandBytes = 1 << 18 // of their values
)

// outbox is what the loop is to tell the store.
type outbox struct {
	mu sync.Mutex
	todo
	wake chan struct{} // there is something to do
}

// todo is what there is to do.
type todo struct {
	requests []requested
	behind   bool // this edge lacks some of the map, or the store does
}

// requested is an entry that the store is to be told of.
type requested struct {
	kind  *kind
	entry *entry
}

// add adds to the outbox.
func (o *outbox) add(to func(t *todo)) {
	o.mu.Lock()
	to(&o.todo)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the outbox.
func (o *outbox) take() todo {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.todo
	o.todo = todo{}
	return t
}

// Start begins to share the map with other edges. It is for before the tier's.
func (m *Map) Start() {
	if m.tier == nil {
		return
	}
	m.begun.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		m.quit = cancel
		m.loop.Go(func() { m.run(ctx) })
	})
}

// Close tells the store what it was not told yet, if it is not lost, and ends the
// waiting for entries to end.
func (m *Map) Close() {
	m.begun.Do(func() {}) // it is never started
	m.quit()
	m.loop.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.next != nil {
		m.next.Stop()
	}
}

// Wake has admissions publish what they have, soon.
func (m *Map) Wake() { m.outbox.add(func(*todo) {}) }

// requestSync has the map compared with the store's.
func (m *Map) requestSync() { m.outbox.add(func(t *todo) { t.behind = true }) }

// run is the loop of the outbox. It is emptied as soon as it was before, so a quiet
// store knows of a change a round trip later and a busy one gets many at a time.
func (m *Map) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			m.empty()
			return
		case <-m.outbox.wake:
			m.empty()
		}
	}
}

// empty does what there is to do.
func (m *Map) empty() {
	t := m.outbox.take()
	m.publishAdmissions(false)
	byKind := map[*kind][]*entry{}
	for _, r := range t.requests {
		byKind[r.kind] = append(byKind[r.kind], r.entry)
	}
	for k, entries := range byKind {
		_, _ = m.publish(context.Background(), k, entries, m.tier.Patience()) // what fails is told at the next heartbeat
	}
	if t.behind {
		m.sync()
	}
	m.deliver()
}

func (m *Map) publishAdmissions(everything bool) {
	for _, k := range m.kinds {
		if k.Admission != nil {
			k.Admission.Publish(everything)
		}
	}
}

// publish tells the store of entries, and takes in what then stands, or why there
// is no such entry: that is refused. What the store cannot be told of holds here,
// until it is back and can be.
func (m *Map) publish(ctx context.Context, k *kind, entries []*entry, patience time.Duration) (refused, err error) {
	for len(entries) > 0 {
		some := entries[:commandOf(entries)]
		entries = entries[len(some):]
		var answers []string
		if err == nil {
			answers, err = m.send(ctx, k, some, patience)
		}
		m.mu.Lock()
		for i, e := range some {
			if err != nil {
				m.unanswered(k, e)
			} else if no := m.answered(k, e, answers[i]); no != nil {
				refused = no
			}
		}
		m.mu.Unlock()
		m.deliver()
	}
	return refused, err
}

// commandOf returns how many of the entries fit in one command.
func commandOf(entries []*entry) (n int) {
	for bytes := 0; n < min(len(entries), maxCommand); n++ {
		if bytes += len(entries[n].value); bytes > maxCommandBytes && n > 0 {
			break
		}
	}
	return n
}

// send is one command. It returns what the store says to each entry.
func (m *Map) send(ctx context.Context, k *kind, entries []*entry, patience time.Duration) (answers []string, err error) {
	if m.tier.Lost() {
		return nil, errLost
	}
	rank := "latest"
	if k.Rank == Longest {
		rank = "longest"
	}
	args, now := []any{channel, k.Name, k.Max, rank, k.width}, m.now()
	for _, e := range entries {
		age, life := max(0, millis(now-e.told)), tier.WholeMillis(time.Duration(e.until-now)).Milliseconds()
		args = append(args, e.id, e.value, e.letter(), e.stamp, age, life)
		checks := slices.Repeat([]string{""}, k.width)
		if e.request != nil && e.checked(e.request.claim) && k.Admission != nil {
			checks = k.Admission.Args(e.request.claim)
		}
		for _, arg := range checks {
			args = append(args, arg)
		}
	}
	err = m.tier.Run(ctx, patience, k.script, k.keys, args, func(reply tier.Reply) (err error) {
		answers, err = reply.StringSlice()
		if err == nil && len(answers) != len(entries) {
			err = fmt.Errorf("setting %d entries: %d answers", len(entries), len(answers))
		}
		return err
	})
	return answers, err
}

// answered takes in what the store says to the entry: what now stands, or why it is
// refused. The caller holds the lock.
func (m *Map) answered(k *kind, e *entry, answer string) (refused error) {
	k.release(e)
	now := m.now()
	var claim any
	var later *entry
	if e.request != nil {
		claim, later = e.request.claim, e.request.heard
	}
	if answer == "" || answer[0] < '0' || answer[0] > '9' {
		refused = ErrFull
		if answer != "full" && k.Admission != nil {
			refused = k.Admission.Refused(claim, answer, m.time(now))
		}
		c := m.change(e, Refused)
		c.Err = refused
		k.announce(topic{e.id, true}, c)
		m.drop(k, e) // if it held here while the store was lost
	} else if of, stands, err := m.parseLine(answer, now); err != nil || of != k || stands.id != e.id {
		m.unanswered(k, e)
	} else {
		m.merge(k, stands, e)
	}
	if later != nil {
		m.merge(k, later, nil)
	}
	return refused
}

// unanswered has an entry hold here that the store could not be told of. The caller
// holds the lock.
func (m *Map) unanswered(k *kind, e *entry) {
	k.release(e)
	old, now := k.entries[e.id], m.now()
	if old != e && !e.over(now) && e.beats(k.Rank, old, now) && !m.put(k, e) {
		c := m.change(e, Refused)
		c.Err = ErrFull
		k.announce(topic{e.id, true}, c)
	}
}

// release notes that the store is no longer being asked. The caller holds the lock.
func (k *kind) release(e *entry) {
	if k.requested[e.id] == e {
		delete(k.requested, e.id)
	}
}

// merge takes in what the store says. mine is the entry that it is the answer to, if
// it is one. The caller holds the lock.
func (m *Map) merge(k *kind, e, mine *entry) {
	old := k.entries[e.id]
	switch {
	case e.over(m.now()):
		if old != nil && old.request == nil && old.version < e.version {
			m.drop(k, old) // it was replaced by what is over now
		}
		return
	case old == nil, old == mine:
	case old.request != nil && old.beats(k.Rank, e, m.now()): // which of the two is to stand, the store will say
		if later := old.request.heard; later == nil || later.version < e.version {
			old.request.heard = e
		}
		return
	case old.request == nil && e.version <= old.version && !(m.doubtful && e.isCorrectionOf(old)):
		old.round = m.round
		return
	}
	e.round = m.round
	m.put(k, e)
}
