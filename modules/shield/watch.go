package shield

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// Watch configures how edges watch shops for attacks.
type Watch struct {
	// `on` raises and lowers the levels of shops; `shadow` only says which level it
	// finds right; `off` does neither. A shop without a mode has that of all shops.
	// Default: on.
	Mode Mode `json:"mode,omitempty"`

	// How many requests by strangers a shop bears without harm, however few are usual,
	// by kind of request: page, search, account or order. Default: 5/s, 5/2s, 2/s, 3/s.
	Floor map[string]shop.Rate `json:"floor,omitempty"`
}

// validate refuses settings that cannot be meant.
func (w *Watch) validate() error {
	if w.Mode != "" && !w.Mode.valid() {
		return fmt.Errorf("invalid watch %q: want on, shadow or off", w.Mode)
	}
	for stream := range w.Floor {
		if _, ok := watch.ParseStream(stream); !ok {
			return fmt.Errorf("invalid floor of %q: want page, search, account or order", stream)
		}
	}
	return nil
}

// SetWatch gives the shop settings of its own, besides those of all shops.
func (s *Shop) SetWatch(own Watch) error {
	s.watch = own
	return own.validate()
}

// watchedEdge is the configuration in force, as the watch sees it.
type watchedEdge struct{ *App }

// Watched returns the shops that are watched.
func (e watchedEdge) Watched() []watching.Shop {
	watched := make([]watching.Shop, 0, len(e.shops))
	for _, s := range e.shops {
		if mode := e.watchMode(s); mode != Off {
			watched = append(watched, watching.Shop{
				ID: s.ID, Tally: s.Tally, Level: s.Level(), Acts: mode == On, Floor: e.floor(s),
			})
		}
	}
	return watched
}

// watchMode is the mode of the shop, or else that of all shops.
func (a *App) watchMode(s *Shop) Mode {
	for _, w := range a.watchesOf(s) {
		if w.Mode != "" {
			return w.Mode
		}
	}
	return On
}

// floor is that of the shop, or else that of all shops, or else 0.
func (a *App) floor(s *Shop) (floor [watch.Streams]float64) {
	for _, w := range a.watchesOf(s) {
		for name, rate := range w.Floor {
			if stream, ok := watch.ParseStream(name); ok && floor[stream] == 0 {
				floor[stream] = float64(rate.Events) / rate.Per.Seconds()
			}
		}
	}
	return floor
}

func (a *App) watchesOf(s *Shop) [2]Watch { return [2]Watch{s.watch, a.Watch} }

// Failed is told what the watch could not do. It tries again.
func (e watchedEdge) Failed(what string, err error) {
	e.runtime.sometimes.Do(func() { e.log.Error("the watch: "+what, zap.Error(err)) })
}

// watched is the configuration in force, as the watch sees it.
func (rt *runtime) watched() watching.Edge {
	if owner := rt.owner.Load(); owner != nil {
		return watchedEdge{owner}
	}
	return nil
}

// WatchStatus returns how the watch of this edge is, and what it sees of each shop.
func (a *App) WatchStatus() (watching.Status, []watching.View) {
	agreed := a.Time(time.Now())
	return a.runtime.watcher.Status(), a.runtime.watcher.Views(func(id shop.ID) float64 { return a.Expected(id, agreed) })
}
