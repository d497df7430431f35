package shield

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// TestOwnLevels: what a shop says of a level comes before what all shops have, and that before
// the defaults; and neither may open a shop by raising its level.
func TestOwnLevels(t *testing.T) {
	app := &App{Levels: Levels{shop.Attack: {BanAfter: 50, Subnet: 20}}}
	s := &Shop{app: app}
	if err := s.SetLevels(Levels{shop.Attack: {BanAfter: 40}}); err != nil {
		t.Fatal(err)
	}
	got := s.Measures(shop.Attack)
	if got.BanAfter != 40 || got.Subnet != 20 || got.Crawlers != shop.DefaultMeasures[shop.Attack].Crawlers {
		t.Errorf("got %+v", got)
	}
	for _, own := range []Levels{{shop.Siege: {BanAfter: 60}}, {shop.Calm: {BanAfter: 60}}} {
		if err := s.SetLevels(own); err == nil || !strings.Contains(err.Error(), "levels: ") {
			t.Errorf("%v: %v", own, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Measures(shop.Siege) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGateShare: the shop that is attacked hardest decides, and the answer is a fifth of a
// second old at the most.
func TestGateShare(t *testing.T) {
	app := &App{shops: make(map[shop.ID]*Shop)}
	for _, id := range []shop.ID{"loewen", "sonnen"} {
		s := &Shop{ID: id, app: app, level: new(atomic.Pointer[levels.State])}
		s.level.Store(new(levels.State))
		if err := s.SetLevels(nil); err != nil {
			t.Fatal(err)
		}
		app.shops[id] = s
	}
	now := time.Now()
	for _, c := range []struct {
		after  time.Duration
		loewen shop.Level
		want   shop.Percent
	}{{0, shop.Calm, 100}, {100 * time.Millisecond, shop.Siege, 100}, {200 * time.Millisecond, shop.Siege, 25}, {time.Second, shop.Heavy, 50}, {2 * time.Second, shop.Attack, 100}} {
		app.shops["loewen"].level.Store(&levels.State{Level: c.loewen})
		if got := app.GateShare(now.Add(c.after)); got != c.want {
			t.Errorf("after %s at level %s: %s, want %s", c.after, c.loewen, got, c.want)
		}
	}
}
