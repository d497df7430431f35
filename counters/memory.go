package counters

import (
	"context"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Memory counts in this process only. Its memory is fixed: what would not fit
// displaces the key whose forgetting matters least.
type Memory struct {
	table *table
	marks *marks
	bans  *bans
	*facts
}

var _ Store = (*Memory)(nil)

// NewMemory returns a store that never uses more than capBytes.
func NewMemory(capBytes int64) *Memory {
	used := capBytes / markShare
	return &Memory{table: newTable(capBytes - used), marks: newMarks(used), bans: newBans(), facts: newFacts()}
}

// Take takes one token.
func (m *Memory) Take(key netkey.Key, lim *Limit, now time.Time) Decision {
	at := m.table.at(now)
	every, window := lim.terms()
	set := m.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := m.table.claim(set, &key, lim, at)
	s.renew(lim, at, window)
	if wait := s.wait(at, every, window); wait > 0 {
		return s.refuse(lim, at, wait)
	}
	return s.pay(at, every, window)
}

// TakeExact is Take: one process always counts exactly.
func (m *Memory) TakeExact(_ context.Context, key netkey.Key, lim *Limit, now time.Time) Decision {
	return m.Take(key, lim, now)
}

// Peek says what Take would answer.
func (m *Memory) Peek(key netkey.Key, lim *Limit, now time.Time) Decision {
	_, window := lim.terms()
	return m.table.peek(&key, lim, m.table.at(now), window)
}

// Status says how full the store is.
func (m *Memory) Status() Status {
	st := m.table.status(Status{Kind: "memory", Since: m.table.start})
	st.Evicted += m.marks.evicted.Load()
	return m.bans.status(st)
}

// Close ends the waiting for facts and bans to expire; all else goes with the
// process.
func (m *Memory) Close() error {
	m.close()
	m.bans.close()
	return nil
}
