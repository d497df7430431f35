package pattern

import "sync/atomic"

// Memory bounds what the states of automata take. When it is used up, automata do not decide
// what needs a new state, and after some values that were not decided all start anew. So an
// attack that needs ever new states gets them at the price of values that are not decided.
type Memory struct {
	size  int64
	used  atomic.Int64
	lost  atomic.Int64 // values that were not decided since it is used up
	epoch atomic.Int64 // automata of an older epoch start anew
}

// patience is how many values go undecided before all states are made anew.
const patience = 1000

// NewMemory returns a bound of so many bytes for all automata together.
func NewMemory(bytes int64) *Memory { return &Memory{size: bytes} }

// Used returns how many bytes states take.
func (m *Memory) Used() int64 { return m.used.Load() }

func (m *Memory) take(bytes int64) bool {
	if m.used.Add(bytes) <= m.size {
		return true
	}
	m.used.Add(-bytes)
	return false
}

// lose counts a value that was not decided.
func (m *Memory) lose() {
	if m.lost.Add(1) == patience {
		m.epoch.Add(1)
		m.used.Store(0)
		m.lost.Store(0)
	}
}
