package replica

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestStepsOfTheStoresClock: each entry lasts as long as it was set for, at the edges that know
// it and at one that starts when the clock has just been set; a change made by a person counts
// at once, and a deletion deletes.
func TestStepsOfTheStoresClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			entriesLast(t, server.Addr, func() { clock.Step(by) })
		})
		t.Run(by.String()+", by failover", func(t *testing.T) {
			t.Parallel()
			addr, promote := need.RedisFailover(t, by)
			entriesLast(t, addr, promote)
		})
	}
}

// entriesLast has edges share entries, and checks them while step sets the clock of the store.
func entriesLast(t *testing.T, addr string, step func()) {
	t.Helper()
	opts := tier.Options{Addresses: []string{addr}, Deadline: time.Second}
	stores := edges(t, 2, opts)
	subscribedAll(t, stores)
	const length, long = 6 * time.Second, 90 * time.Minute
	setIt(t, stores[0], "short", "1", length)
	setIt(t, stores[0], "long", "1", long)
	setIt(t, stores[0], "open", "1", 0)
	began := time.Now()
	know(t, stores, 2*time.Second, map[string]string{"short": "1", "long": "1", "open": "1"})
	step()
	opts.Node = "late"
	late := unstarted(t, opts)
	late.Start()
	all := append(stores, late)
	sample.Within(t, 4*time.Second, "the edges are still counted, and the step is seen", func() bool {
		st := stores[1].tier.Status()
		return st.Shared && len(st.Nodes) == 3 && st.Steps == 1
	})
	sample.Within(t, 4*time.Second, "the edge that has started knows the entries, and their ends", func() bool {
		off := get(late, "long").Until.Sub(began.Add(long)).Abs()
		return off < 1500*time.Millisecond && values(late.Map)["short"] == "1"
	})
	setIt(t, stores[1], "open", "2", 0)
	is := func(value string) bool {
		for _, e := range all {
			if known := values(e.Map); known["open"] != value || known["long"] != "1" || known["short"] != "1" && time.Since(began) < length {
				return false
			}
		}
		return true
	}
	sample.Within(t, 2*time.Second, "a change counts", func() bool { return is("2") })
	setIt(t, stores[0], "open", "", 0)
	sample.Within(t, 2*time.Second, "a deletion counts", func() bool { return is("") })
	know(t, all, time.Until(began.Add(length+3*time.Second)), map[string]string{"long": "1"})
	if early := time.Since(began); early < length-100*time.Millisecond {
		t.Errorf("the entry of %s ends after %s", length, early)
	}
}

// TestCorrectedEnds: an edge that read ends when the tier's time was wrong, or slept since, reads
// them anew; one that only reads anew keeps to what it knows.
func TestCorrectedEnds(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	subscribedAll(t, stores)
	e := stores[0]
	var ear ear
	defer e.Listen("level", ear.hear)()
	setIt(t, e, "level", "1", 2*time.Hour)
	right := get(e, "level").Until
	e.mu.Lock()
	wrong := *e.kind("level").entries["level"]
	wrong.until -= int64(time.Hour)
	e.put(e.kind("level"), &wrong)
	e.mu.Unlock()
	read := func(how func()) time.Duration {
		how()
		sample.Within(t, 5*time.Second, "the map is read", func() bool { _, sure := e.Version(); return sure })
		return get(e, "level").Until.Sub(right).Round(time.Minute)
	}
	if off := read(e.invalidate); off != -time.Hour {
		t.Errorf("read anew without a reason to doubt, the end is %s off", off)
	}
	if off := read(e.corrected); off != 0 {
		t.Errorf("read anew, the end is %s off; heard %q", off, ear.all())
	}
}

// TestNothingIsRemovedBeforeItsTime: what is set in the moment after a step of the store's clock,
// before a heartbeat shows it, removes no entry whose time is not up.
func TestNothingIsRemovedBeforeItsTime(t *testing.T) {
	const start = 1_800_000_000
	server := miniredis.RunT(t)
	e := unstarted(t, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})
	set := func(at int, id string, life int) {
		server.SetTime(time.Unix(int64(start+at), 0))
		e.raw(t, channel, 9, id, "1", "m", 0, 0, life*1000)
	}
	for name, c := range map[string]struct{ beat, want string }{
		"after a heartbeat": {"0 1800000001000", "a b"},
		"the control":       {"0 1800003600000", "b"},
	} {
		server.FlushAll()
		set(0, "a", 60)
		if err := server.Set(tier.ClockKey, c.beat); err != nil {
			t.Fatal(err)
		}
		set(3600, "b", 60)
		fields, err := server.HKeys(mapKey)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(fields)
		fields = slices.DeleteFunc(fields, func(field string) bool { return field[0] == ' ' })
		if got := strings.ReplaceAll(strings.Join(fields, " "), "level/", ""); got != c.want {
			t.Errorf("%s: the store has %q, want %q", name, got, c.want)
		}
	}
}
