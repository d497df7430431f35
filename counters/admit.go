package counters

import (
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// admit makes the row that is asked for, unless this edge knows that there is
// to be none, or none is needed: then both results are nil. With ask the store
// is going to be asked for it.
func (b *bans) admit(q *BanRequest, now time.Time, ask bool) (*row, error) {
	if err := q.check(now); err != nil {
		return nil, err
	}
	r := q.row(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	asking := b.asking[r.place()]
	switch {
	case !r.beats(b.standing(r.place()), now), !r.beats(asking, now):
		return nil, nil
	case asking == nil && len(b.asking) >= maxAsking:
		return nil, b.caps.refuse(ErrNoRoom)
	case r.people():
	case b.vouchers.has(&q.Guard, now):
		return nil, b.caps.refuse(ErrVouched)
	case !b.caps.take(q.At, q.PerMinute, now):
		return nil, b.caps.refuse(ErrCapped)
	}
	if ask {
		b.asking[r.place()] = r
	}
	return r, nil
}

// standing returns the row of a place, or nil. The caller holds the lock.
func (b *bans) standing(p place) *row {
	if b.heads.Load() == nil {
		return nil
	}
	_, r := b.find(p)
	return r
}

// hold has the row stand at this edge, unless what came to stand meanwhile
// beats it.
func (b *bans) hold(r *row) error {
	b.mu.Lock()
	ok := !r.beats(b.standing(r.place()), r.Told) || b.put(r)
	b.mu.Unlock()
	b.deliver()
	if !ok {
		return b.caps.refuse(ErrNoRoom)
	}
	return nil
}

// told notes that nobody needs to be told of the row.
func (b *bans) told(r *row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.asked != nil && b.standing(r.place()) == r {
		b.untold--
	}
	r.asked = nil
}

// lift has the bans of key lifted, at all shops, and returns what the store is
// to be told. Without a ban it is told nevertheless: this edge may not know of
// one that was made just now.
func (b *bans) lift(key, client netkey.Key, now time.Time) (rows []*row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.of(key)
	if len(known) == 0 {
		known = []*row{{Ban: ban.Ban{Key: key, Cause: ban.Manual, Until: now.Add(takenBack)}}}
	}
	for _, old := range known {
		r := &row{Ban: old.Ban, lifted: true, client: client}
		r.Told, r.asked = now, &BanRequest{Ban: old.Ban}
		if b.put(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

// of returns the rows of key. The caller holds the lock.
func (b *bans) of(key netkey.Key) (rows []*row) {
	if h := b.heads.Load(); h != nil {
		for r := h.of(&key).Load(); r != nil; r = r.next.Load() {
			if r.Key == key {
				rows = append(rows, r)
			}
		}
	}
	return rows
}
