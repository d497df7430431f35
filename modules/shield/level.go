package shield

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// How long a level that people set lasts.
const (
	UsualPin   = 4 * time.Hour
	LongestPin = 30 * 24 * time.Hour
)

// watchedLasts is how long a level and its reason last after the watch has told them: if
// every edge that could lower the level is gone, it ends by itself.
const watchedLasts = 15 * time.Minute

// ErrUnshared means that other edges learn of a change later.
var ErrUnshared = errors.New("only this edge knows of it yet; the others learn of it as soon as the store is back")

// sharedLater makes an error of the store one that says whether the change holds here.
func sharedLater(err error) error {
	if err != nil && !errors.Is(err, counters.ErrRefused) {
		return fmt.Errorf("%w: %w", ErrUnshared, err)
	}
	return err
}

// Level returns the shop's present level.
func (s *Shop) Level() *levels.State { return s.level.Load() }

// Pin has people set a shop's level at every edge, for a while. Since, Until are not read. An
// error that is ErrUnshared means that only this edge knows of it yet.
func (a *App) Pin(ctx context.Context, id shop.ID, pin levels.Pin, lasts time.Duration) error {
	switch {
	case a.shops[id] == nil:
		return unknownShop(id)
	case lasts <= 0 || lasts > LongestPin:
		return fmt.Errorf("invalid duration %s: want 1s to 30d", lasts)
	case pin.AtLeast && pin.Level == shop.Calm:
		return errors.New("every shop is at least at level 0: want 1 to 4, or `auto`, which leaves the level to the watch")
	}
	pin.Since = a.attackedSince(id, pin.Level, time.Time{})
	value, err := levels.Encode(pin)
	if err != nil {
		return fmt.Errorf("encoding the level of %s: %w", id, err)
	}
	return sharedLater(a.runtime.store.Set(ctx, counters.Pin, string(id), value, lasts, counters.Manual))
}

// Unpin ends what people have set: the watch decides again. Its errors are those of Pin.
func (a *App) Unpin(ctx context.Context, id shop.ID) error {
	if a.shops[id] == nil {
		return unknownShop(id)
	}
	err := a.runtime.store.Delete(ctx, counters.Pin, string(id), counters.Manual)
	if a.runtime.levels.HasOlderPin(id) {
		err = cmp.Or(err, a.runtime.store.Delete(ctx, counters.Level, string(id), counters.Manual))
	}
	return sharedLater(err)
}

// SetWatched has the watch set a shop's level at every edge, until 15 minutes after it was set
// last. since is when the attack began, less a margin, by App.Time: what a client earned later
// is no proof that it came before. Below Attack it is not read. The error is ErrUnshared as of
// Pin; it is counters.ErrRefused while a level that an edge of the release before has set holds.
func (a *App) SetWatched(ctx context.Context, id shop.ID, level shop.Level, since time.Time) error {
	if a.shops[id] == nil {
		return unknownShop(id)
	}
	if level == shop.Calm {
		if e, ok := a.runtime.store.Get(counters.Level, string(id)); !ok || e.Priority == counters.Manual {
			return nil
		}
		return sharedLater(a.runtime.store.Delete(ctx, counters.Level, string(id), counters.Automatic))
	}
	watched := levels.Watched{Level: level, Since: a.attackedSince(id, level, since)}
	return sharedLater(a.runtime.store.Set(ctx, counters.Level, string(id), watched.String(), watchedLasts, counters.Automatic))
}

// attackedSince returns since when a shop that is set to the level now is attacked: the first
// of what is known, of since, if that is given, and of now.
func (a *App) attackedSince(id shop.ID, level shop.Level, since time.Time) time.Time {
	if level < shop.Attack {
		return time.Time{}
	}
	first := a.Time(time.Now())
	for _, at := range []time.Time{since, a.runtime.levels.AttackedSince(id)} {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first
}

// SetWhy has every edge know why the watch sets a shop's level; set it before the level is, so
// that the log line has it. It lasts as long as the level, and its errors are those of Pin.
func (a *App) SetWhy(ctx context.Context, id shop.ID, why levels.Why) error {
	if err := why.Check(); err != nil {
		return err
	}
	value, err := levels.Encode(why)
	if err != nil {
		return fmt.Errorf("encoding the reason for the level of %s: %w", id, err)
	}
	return sharedLater(a.runtime.store.Set(ctx, counters.Why, string(id), value, watchedLasts, counters.Automatic))
}

// Why returns why the watch has set the level of a shop, if that is known.
func (a *App) Why(id shop.ID) (why levels.Why, ok bool) {
	if e, found := a.runtime.store.Get(counters.Why, string(id)); found {
		if said, err := levels.ParseWhy(e.Value); err == nil {
			return *said, true
		}
	}
	return why, false
}

// WhyLevel returns in words why a shop is at its level, if somebody has said so.
func (a *App) WhyLevel(id shop.ID, is *levels.State) string {
	switch is.By {
	case levels.ByPeople:
		return is.Pin.Why
	case levels.ByWatch:
		why, _ := a.Why(id)
		return why.Words
	case levels.ByCampaign:
		if c := a.runtime.levels.Campaign(); c != nil {
			return c.Why
		}
	}
	return ""
}

// levelChanged tells operators, in the log and by an event. What ends is by what was.
func (a *App) levelChanged(c levels.Change) {
	by, why := cmp.Or(c.Is.By, c.Was.By), a.WhyLevel(c.ID, c.Is)
	a.runtime.changes.add(a.Time(time.Now()), c, by, why)
	fields := []zap.Field{
		zap.String("shop", string(c.ID)), zap.Stringer("attack_level", c.Is.Level), zap.Stringer("before", c.Was.Level),
		zap.String("by", string(by)),
	}
	if why != "" {
		fields = append(fields, zap.String("why", why))
	}
	if c.Is.By == levels.ByPeople && !c.Is.Until.IsZero() {
		fields = append(fields, zap.Time("until", c.Is.Until))
	}
	a.log.Info("the shop's level has changed", fields...)
	a.events.Emit(a.ctx, "level", map[string]any{
		"shop": string(c.ID), "level": int(c.Is.Level), "before": int(c.Was.Level), "by": string(by), "why": why,
		"node": a.Node, "at": time.Now(),
	})
}
