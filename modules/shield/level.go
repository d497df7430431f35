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

// LevelState is the level of attack of a shop.
type LevelState struct {
	Level shop.Level
	Since time.Time // when it last rose to Attack or above; zero below
	Until time.Time // when the shop is calm again; zero: when an operator says so
}

// level returns where the state of a shop's level is kept.
func (rt *runtime) level(id shop.ID) *atomic.Pointer[LevelState] {
	known, _ := rt.levels.LoadOrStore(id, new(atomic.Pointer[LevelState]))
	level := known.(*atomic.Pointer[LevelState])
	level.CompareAndSwap(nil, new(LevelState))
	return level
}

// levelEntryChanged is called by the store with each level that an edge sets.
func (rt *runtime) levelEntryChanged(c counters.Change) {
	if !c.Holds() && !c.Over() {
		return // refused, so nothing has changed
	}
	is := &LevelState{}
	if c.Holds() {
		var err error
		if is, err = parseLevelState(&c.Entry); err != nil {
			return // set by an edge of another release
		}
	}
	id := shop.ID(c.ID)
	was := rt.level(id).Swap(is)
	if owner := rt.owner.Load(); owner != nil && was.Level != is.Level {
		owner.levelChanged(id, was, is)
	}
}

// parseLevelState reads "<level> <since, in Unix milliseconds>".
func parseLevelState(e *counters.Entry) (*LevelState, error) {
	level, since, _ := strings.Cut(e.Value, " ")
	l, err := shop.ParseLevel(level)
	if err != nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("parsing the time of the level: %w", err)
	}
	state := &LevelState{Level: l, Until: e.Until}
	if ms > 0 {
		state.Since = time.UnixMilli(ms)
	}
	return state, nil
}

// Level returns the shop's present level.
func (s *Shop) Level() *LevelState { return s.level.Load() }

// SetLevel sets a shop's level at every edge, for a while or, if that is zero,
// until it is set again. An error that is ErrUnshared means that only this edge
// knows of it yet.
func (a *App) SetLevel(ctx context.Context, id shop.ID, level shop.Level, lasts time.Duration) error {
	s := a.shops[id]
	if s == nil {
		return unknownShop(id)
	}
	if lasts < 0 {
		return fmt.Errorf("invalid duration %s: want a positive one", lasts)
	}
	var err error
	if level == shop.Calm {
		err = a.runtime.store.Delete(ctx, counters.Level, string(id), counters.Manual)
	} else {
		was, since := s.Level(), int64(0)
		switch {
		case level < shop.Attack:
		case was.Level >= shop.Attack:
			since = was.Since.UnixMilli()
		default:
			since = a.Time(time.Now()).UnixMilli()
		}
		err = a.runtime.store.Set(ctx, counters.Level, string(id), fmt.Sprintf("%d %d", level, since), lasts, counters.Manual)
	}
	if err != nil && !errors.Is(err, counters.ErrRefused) {
		return fmt.Errorf("%w: %w", ErrUnshared, err)
	}
	return err
}

// ErrUnshared means that other edges learn of a change later.
var ErrUnshared = errors.New("only this edge has the level yet; the others get it as soon as the store is back")

// levelChanged tells operators, in the log and by an event.
func (a *App) levelChanged(id shop.ID, was, is *LevelState) {
	fields := []zap.Field{
		zap.String("shop", string(id)), zap.Stringer("attack_level", is.Level), zap.Stringer("before", was.Level),
	}
	if !is.Until.IsZero() {
		fields = append(fields, zap.Time("until", is.Until))
	}
	a.log.Info("the shop's level has changed", fields...)
	a.events.Emit(a.ctx, "level", map[string]any{
		"shop": string(id), "level": int(is.Level), "before": int(was.Level), "node": a.Node, "at": time.Now(),
	})
}
