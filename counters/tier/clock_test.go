package tier

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// TestTheTiersTime walks through heartbeats. Times are in seconds of the store's clock at the
// beginning.
func TestTheTiersTime(t *testing.T) {
	const start = 1_800_000_000
	const nothing = -1
	type beat struct {
		at      int // by the store's clock
		carried int // by the edge
		want    int // the tier's time
	}
	for name, beats := range map[string][]beat{
		"a new store, a new edge":            {{0, nothing, 0}, {1, 1, 1}, {2, 2, 2}},
		"it goes forward":                    {{0, nothing, 0}, {1, 1, 1}, {3602, 2, 2}, {3603, 3, 3}},
		"it goes back":                       {{0, nothing, 0}, {1, 1, 1}, {-3598, 2, 2}, {-3597, 3, 3}},
		"there and back":                     {{0, nothing, 0}, {1, 1, 1}, {3602, 2, 2}, {3, 3, 3}, {4, 4, 4}},
		"of two edges each heartbeat":        {{0, nothing, 0}, {1, 1, 1}, {3602, 2, 2}, {3602, 2, 2}, {3603, 3, 3}},
		"an edge that slept":                 {{0, nothing, 0}, {1, 1, 1}, {3601, 3601, 3601}, {3602, 2, 3602}},
		"the only edge slept":                {{0, nothing, 0}, {1, 1, 1}, {3601, 2, 2}, {3602, 3, 3}},
		"no edge for an hour":                {{0, nothing, 0}, {1, 1, 1}, {3601, nothing, 3601}, {3602, 3602, 3602}, {3603, 3603, 3603}},
		"a new edge comes before the old":    {{0, nothing, 0}, {1, 1, 1}, {3602, nothing, 3602}, {3602, 2, 2}, {3603, 3603, 3}},
		"a store that forgot after a step":   {{3600, 2, 2}, {3601, 3, 3}},
		"what is less is adjusted":           {{0, nothing, 0}, {1, 1, 1}, {2, 2, 2}, {3, 2, 3}},
		"the store was lost for ten seconds": {{0, nothing, 0}, {1, 1, 1}, {11, 11, 11}},
	} {
		t.Run(name, func(t *testing.T) {
			server := miniredis.RunT(t)
			r, err := New(Options{Addresses: []string{server.Addr()}})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			millis := func(second int) string { return fmt.Sprintf("%d", int64(start+second)*1000) }
			sure := ""
			for i, b := range beats {
				server.SetTime(time.Unix(int64(start+b.at), 0))
				carried, got := "0", ""
				if b.carried != nothing {
					carried = millis(b.carried)
				}
				keys, args := []string{nodesKey, Key("none"), ClockKey}, []any{"edge", heartbeatLife.Milliseconds(), carried}
				err := r.Run(t.Context(), 30*time.Second, heartbeat, keys, args, func(reply Reply) error {
					values, err := reply.Slice()
					if err == nil {
						got, _ = values[3].(string)
						sure, _ = values[4].(string)
					}
					return err
				})
				if want := b.carried != nothing || i == 0; err != nil || got != millis(b.want) || (sure == "1") != want {
					t.Fatalf("heartbeat %d: %s, want %s; sure %s, want %t: %v", i, got, millis(b.want), sure, want, err)
				}
				if sure != "1" {
					continue
				}
				err = r.Run(t.Context(), 30*time.Second, NewTimed("return string.format('%d', clock(KEYS[1]))"), []string{ClockKey}, nil, func(reply Reply) (err error) {
					got, err = reply.Text()
					return err
				})
				if err != nil || got != millis(b.want) {
					t.Fatalf("after heartbeat %d scripts have %s, want %s: %v", i, got, millis(b.want), err)
				}
			}
		})
	}
}

// TestWhatIsAStep: clocks that are set are told from those that are only adjusted.
func TestWhatIsAStep(t *testing.T) {
	every := func(d time.Duration) func(int) time.Duration {
		return func(beat int) time.Duration { return time.Duration(beat) * d }
	}
	once := func(d time.Duration) func(int) time.Duration {
		return func(beat int) time.Duration {
			if beat < 50 {
				return 0
			}
			return d
		}
	}
	for name, c := range map[string]struct {
		off  func(beat int) time.Duration // of the store's clock from the edge's monotonic one
		trip time.Duration
		want int64
	}{
		"a right clock":                        {every(0), time.Millisecond, 0},
		"a leap second smeared over a day":     {every(time.Second / 86400), time.Millisecond, 0},
		"the same, the other way":              {every(-time.Second / 86400), time.Millisecond, 0},
		"adjusted as fast as kernels do":       {every(500 * time.Microsecond), time.Millisecond, 0},
		"half a second":                        {once(500 * time.Millisecond), time.Millisecond, 0},
		"two seconds":                          {once(2 * time.Second), time.Millisecond, 1},
		"an hour back":                         {once(-time.Hour), time.Millisecond, 1},
		"an hour, by answers that take 250 ms": {once(time.Hour), 250 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			edge := &clock{born: time.Now()}
			for beat := range 1000 {
				began := edge.born.Add(time.Duration(beat) * time.Second)
				store := time.Duration(began.Add(c.trip/2).UnixNano()) + c.off(beat)
				edge.saw(store, began, began.Add(c.trip))
			}
			if got := edge.steps.Load(); got != c.want {
				t.Errorf("%d steps, want %d", got, c.want)
			}
		})
	}
}

// TestClocksApart: the warning begins once, and ends once.
func TestClocksApart(t *testing.T) {
	edge := &clock{born: time.Now()}
	for i, c := range []struct {
		ahead, trip time.Duration // this edge of the store; how long the answer took
		news        bool
		want        string
	}{
		{0, 0, false, ""},
		{-1500 * time.Millisecond, 0, false, ""},
		{2500 * time.Millisecond, time.Second, false, ""},
		{5 * time.Minute, 0, true, "this edge's clock is 5m0s ahead of the store's: `chronyc tracking` on both hosts tells which is wrong"},
		{1500 * time.Millisecond, 0, false, "this edge's clock is 2s ahead of the store's: `chronyc tracking` on both hosts tells which is wrong"},
		{100 * time.Millisecond, 0, true, ""},
		{-time.Hour, 0, true, "this edge's clock is 1h0m0s behind the store's: `chronyc tracking` on both hosts tells which is wrong"},
		{-time.Hour, 0, false, "this edge's clock is 1h0m0s behind the store's: `chronyc tracking` on both hosts tells which is wrong"},
	} {
		edge.known = false // it is the clock of the edge
		began := edge.born.Add(time.Duration(i) * time.Second)
		edge.saw(time.Duration(began.Add(c.trip/2).UnixNano())-c.ahead, began, began.Add(c.trip))
		if news := edge.warn(c.trip); news != c.news || edge.difference(began) != c.want {
			t.Errorf("%s ahead, told after %s: news %t, %q; want %t, %q", c.ahead, c.trip, news, edge.difference(began), c.news, c.want)
		}
	}
	now := edge.born.Add(time.Minute)
	edge.last.Store(&Step{By: time.Hour, At: now})
	if got := edge.difference(now); got != "" {
		t.Errorf("a step of the store's clock that is told for itself makes the warning %q", got)
	}
	if edge.difference(now.Add(2*time.Hour)) == "" {
		t.Error("the control: no warning after two hours")
	}
}
