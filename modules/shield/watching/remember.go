package watching

import (
	"context"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

const (
	baselines    = "baseline"          // the kind of records; the id is the shop's
	baselineKept = 90 * 24 * time.Hour // after the shop was seen last
)

// remember reads the baselines that edges have kept, and keeps those of this one while it
// leads, until ctx ends. What fails is tried again.
func (w *Watcher) remember(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		for id := w.nextUnknown(); id != "" && w.read(ctx, id); id = w.nextUnknown() {
		}
		for id := w.nextUnkept(); id != "" && w.keep(ctx, id); id = w.nextUnkept() {
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

func (w *Watcher) nextUnknown() shop.ID {
	return w.next(func(s *watched) bool { return !s.known })
}

func (w *Watcher) nextUnkept() shop.ID {
	return w.next(func(s *watched) bool { return s.known && s.unkept && w.lead.Role == counters.Leading })
}

func (w *Watcher) next(is func(*watched) bool) shop.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.shops {
		if is(s) {
			return id
		}
	}
	return ""
}

// read reads what edges have learned of a shop, and reports whether the store has answered. A
// record that cannot be read is one of another release, and is learned anew.
func (w *Watcher) read(ctx context.Context, id shop.ID) bool {
	record, _, err := w.store.Kept(ctx, baselines, string(id))
	if err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.shops[id]
	if read := watch.NewBaseline(w.prior); len(record.Value) > 0 && read.UnmarshalBinary(record.Value) == nil {
		s.baseline = read
		s.expect(w.hour)
	}
	s.known = true
	return true
}

// keep stores what was learned of a shop, and reports whether the store has taken it.
func (w *Watcher) keep(ctx context.Context, id shop.ID) bool {
	w.mu.Lock()
	s, token := w.shops[id], w.lead.Token
	value, err := s.baseline.MarshalBinary()
	w.mu.Unlock()
	if err != nil {
		return false
	}
	record := counters.Record{ID: string(id), Value: value, At: time.Now(), Token: token}
	if err := w.store.Keep(ctx, baselines, record, baselineKept); err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.unkept = false
	return true
}
