package shield

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// TestOwnWatch: a shop's mode and floors come before those of all shops, each for itself, and
// those before the defaults. A shop whose mode is off is not watched.
func TestOwnWatch(t *testing.T) {
	perSecond := func(events int64) shop.Rate { return shop.Rate{Events: events, Per: time.Second} }
	own := func(mode Mode, floor map[string]shop.Rate) Watch { return Watch{Mode: mode, Floor: floor} }
	all := own(Shadow, map[string]shop.Rate{"page": perSecond(10), "search": {Events: 5, Per: 2 * time.Second}})
	for name, c := range map[string]struct {
		all, own Watch
		off      bool
		acts     bool
		floor    [watch.Streams]float64
	}{
		"nothing is said":      {acts: true},
		"of all shops":         {all: all, floor: [watch.Streams]float64{watch.Page: 10, watch.Search: 2.5}},
		"a mode of its own":    {all: all, own: own(On, nil), acts: true, floor: [watch.Streams]float64{watch.Page: 10, watch.Search: 2.5}},
		"a floor of its own":   {all: all, own: own("", map[string]shop.Rate{"page": perSecond(20)}), floor: [watch.Streams]float64{watch.Page: 20, watch.Search: 2.5}},
		"a lower one":          {all: all, own: own("", map[string]shop.Rate{"page": perSecond(1)}), floor: [watch.Streams]float64{watch.Page: 1, watch.Search: 2.5}},
		"off":                  {own: own(Off, nil), off: true},
		"off, but for one":     {all: own(Off, nil), own: own(On, nil), acts: true},
		"all are off":          {all: own(Off, nil), off: true},
		"other kinds, by hour": {own: own("", map[string]shop.Rate{"account": {Events: 3600, Per: time.Hour}, "order": perSecond(7)}), acts: true, floor: [watch.Streams]float64{watch.Account: 1, watch.Order: 7}},
	} {
		s := &Shop{ID: "loewen", level: new(atomic.Pointer[levels.State])}
		if err := s.SetWatch(c.own); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		watched := watchedEdge{&App{Watch: c.all, shops: map[shop.ID]*Shop{s.ID: s}}}.Watched()
		if c.off {
			if len(watched) != 0 {
				t.Errorf("%s: it is watched", name)
			}
			continue
		}
		if len(watched) != 1 {
			t.Errorf("%s: %d shops are watched, want 1", name, len(watched))
			continue
		}
		got := watching.Shop{ID: watched[0].ID, Acts: watched[0].Acts, Floor: watched[0].Floor}
		if want := (watching.Shop{ID: "loewen", Acts: c.acts, Floor: c.floor}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestWatchIsChecked: what JSON says may be wrong in the same ways as a Caddyfile.
func TestWatchIsChecked(t *testing.T) {
	for want, own := range map[string]Watch{
		`invalid watch "maybe"`:    {Mode: "maybe"},
		`invalid floor of "pages"`: {Floor: map[string]shop.Rate{"pages": {Events: 1, Per: time.Second}}},
	} {
		if err := new(Shop).SetWatch(own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
