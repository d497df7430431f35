package counters

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Tell notes the fact. One process is every edge.
func (m *Memory) Tell(_ context.Context, name, value string, life time.Duration) error {
	now := time.Now()
	_, err := m.note(name, value, life, now, now.UnixMilli())
	m.deliver()
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	return nil
}

// Tell notes the fact.
func (r *Redis) Tell(_ context.Context, name, value string, life time.Duration) error {
	_, err := r.note(name, value, life, time.Now(), 0)
	r.deliver()
	if err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	return fmt.Errorf("counters: telling %q: %w", name, errors.New("the store is not asked yet"))
}
