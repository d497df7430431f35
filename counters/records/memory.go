package records

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// memory keeps records in the process.
type memory struct {
	mu    sync.Mutex
	kinds map[string]map[string]*kept
}

// kept is a record and when it ends.
type kept struct {
	Record
	end time.Time
}

// older compares by time, then by id, as the store does.
func older(a, b *kept) int {
	return cmp.Or(cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()), cmp.Compare(a.ID, b.ID))
}

func (m *memory) keep(kind string, one Record, life time.Duration, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kinds == nil {
		m.kinds = map[string]map[string]*kept{}
	}
	all := m.kinds[kind]
	if all == nil {
		all = map[string]*kept{}
		m.kinds[kind] = all
	}
	maps.DeleteFunc(all, func(_ string, k *kept) bool { return !k.end.After(now) })
	if before := all[one.ID]; before != nil {
		if one.Token > 0 && before.Token > one.Token {
			return ErrFenced
		}
		one.Token = max(one.Token, before.Token)
	}
	one.Value, one.At = slices.Clone(one.Value), time.UnixMilli(one.At.UnixMilli())
	all[one.ID] = &kept{one, now.Add(life)}
	if len(all) <= Max {
		return nil
	}
	oldest := slices.MinFunc(slices.Collect(maps.Values(all)), older)
	delete(all, oldest.ID)
	if oldest.ID == one.ID {
		return ErrOld
	}
	return nil
}

func (m *memory) get(kind, id string, now time.Time) (one Record, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kinds[kind][id]
	if k == nil || !k.end.After(now) {
		return one, false
	}
	return k.copy(), true
}

func (m *memory) since(kind string, since time.Time, most int, now time.Time) (all []Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*kept
	for _, k := range m.kinds[kind] {
		if k.end.After(now) && k.At.UnixMilli() >= since.UnixMilli() {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b *kept) int { return older(b, a) })
	for _, k := range found[:max(0, min(len(found), most))] {
		all = append(all, k.copy())
	}
	return all
}

func (k *kept) copy() Record {
	one := k.Record
	one.Value = slices.Clone(one.Value)
	return one
}
