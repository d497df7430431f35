package shield

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Alert is how hard a shop is attacked.
type Alert struct {
	Level shop.Level
	Since time.Time // when it last rose to Attack or above; zero below
	Until time.Time // when the shop is calm again; zero if somebody has to say so
}

// alert is where the house keeps what it knows of a shop's alert.
func (h *house) alert(id shop.ID) *atomic.Pointer[Alert] {
	known, _ := h.alerts.LoadOrStore(id, new(atomic.Pointer[Alert]))
	alert := known.(*atomic.Pointer[Alert])
	alert.CompareAndSwap(nil, new(Alert))
	return alert
}

// learn takes in what any edge has set for a shop.
func (h *house) learn(c counters.Change) {
	if !c.Holds() && !c.Over() {
		return // refused, so nothing has changed
	}
	is := &Alert{}
	if c.Holds() {
		var err error
		if is, err = parseAlert(&c.Entry); err != nil {
			return // set by an edge of another release
		}
	}
	id := shop.ID(c.ID)
	was := h.alert(id).Swap(is)
	if owner := h.owner.Load(); owner != nil && was.Level != is.Level {
		owner.levelChanged(id, was, is)
	}
}

// parseAlert reads "<level> <since, in Unix milliseconds>".
func parseAlert(e *counters.Entry) (*Alert, error) {
	level, since, _ := strings.Cut(e.Value, " ")
	l, err := shop.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("since when: %w", err)
	}
	alert := &Alert{Level: l, Until: e.Until}
	if ms > 0 {
		alert.Since = time.UnixMilli(ms)
	}
	return alert, nil
}

// Alert is how hard the shop is attacked right now.
func (s *Shop) Alert() *Alert { return s.alert.Load() }

// SetLevel tells every edge that a shop has this level, for a while or, if
// that is zero, until somebody says otherwise. An error that is errUnshared
// means that only this edge knows so far.
func (a *App) SetLevel(ctx context.Context, id shop.ID, level shop.Level, lasts time.Duration) error {
	s := a.shops[id]
	if s == nil {
		return fmt.Errorf("no shop %q here; `theriac shield shops` lists them", id)
	}
	if lasts < 0 {
		return fmt.Errorf("a level cannot last for %s", lasts)
	}
	var err error
	if level == shop.Calm {
		err = a.house.store.Delete(ctx, counters.Level, string(id), counters.Manual)
	} else {
		was, since := s.Alert(), int64(0)
		switch {
		case level < shop.Attack:
		case was.Level >= shop.Attack:
			since = was.Since.UnixMilli()
		default:
			since = time.Now().UnixMilli()
		}
		err = a.house.store.Set(ctx, counters.Level, string(id), fmt.Sprintf("%d %d", level, since), lasts, counters.Manual)
	}
	if err != nil && !errors.Is(err, counters.ErrRefused) {
		return fmt.Errorf("%w: %w", errUnshared, err)
	}
	return err
}

var errUnshared = errors.New("this edge has the level now, and tells the others as soon as the store is back")

// levelChanged tells operators, once.
func (a *App) levelChanged(id shop.ID, was, is *Alert) {
	fields := []zap.Field{
		zap.String("shop", string(id)), zap.Stringer("level", is.Level), zap.Stringer("before", was.Level),
	}
	if !is.Until.IsZero() {
		fields = append(fields, zap.Time("until", is.Until))
	}
	a.log.Info("the shop's level has changed", fields...)
	a.events.Emit(a.ctx, "level", map[string]any{
		"shop": string(id), "level": int(is.Level), "before": int(was.Level), "node": a.Node, "at": time.Now(),
	})
}
