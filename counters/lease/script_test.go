package lease

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
)

// TestScript walks through what edges ask. Tokens are the store's time, or one more than the
// last.
func TestScript(t *testing.T) {
	const start = 4_000_000_000_000 // after the clocks of the servers, so that it stands still
	type step struct {
		at             int // seconds of the tier's time
		edge, expected string
		seen           int64 // highest token
		want           string
	}
	value := func(token, beat int64, edge string) string { return fmt.Sprintf("%d %d %s", token, beat, edge) }
	const s = start
	onRedis := need.Redis(t)
	for name, steps := range map[string][]step{
		"nobody takes what it has not watched": {{0, "a/1", "-", 0, ""}, {0, "a/1", "", 0, value(s, 1, "a/1")}},
		"the leader renews":                    {{0, "a/1", "", 0, value(s, 1, "a/1")}, {1, "a/1", "-", s, value(s, 2, "a/1")}, {2, "a/1", value(s, 2, "a/1"), s, value(s, 3, "a/1")}},
		"another learns which leads":           {{0, "a/1", "", 0, value(s, 1, "a/1")}, {1, "b b/2", "-", 0, value(s, 1, "a/1")}},
		"another takes over":                   {{0, "a/1", "", 0, value(s, 1, "a/1")}, {3, "b b/2", value(s, 1, "a/1"), s, value(s+3000, 1, "b b/2")}, {4, "a/1", "-", s, value(s+3000, 1, "b b/2")}},
		"not if there was a beat":              {{0, "a/1", "", 0, value(s, 1, "a/1")}, {1, "a/1", "-", s, value(s, 2, "a/1")}, {3, "b/2", value(s, 1, "a/1"), s, value(s, 2, "a/1")}},
		"of two the first":                     {{0, "a/1", "", 0, value(s, 1, "a/1")}, {3, "b/2", value(s, 1, "a/1"), s, value(s+3000, 1, "b/2")}, {3, "c/3", value(s, 1, "a/1"), s, value(s+3000, 1, "b/2")}},
		"what has been resigned":               {{0, "a/1", "", 0, value(s, 1, "a/1")}, {1, "a/1", "resign", s, value(s, 2, "")}, {1, "a/1", "resign", s, value(s, 2, "")}, {1, "b/2", "-", s, value(s+1000, 1, "b/2")}},
		"only the leader resigns":              {{0, "a/1", "", 0, value(s, 1, "a/1")}, {1, "b/2", "resign", s, value(s, 1, "a/1")}},
		"the clock stands still":               {{0, "a/1", "", 0, value(s, 1, "a/1")}, {0, "a/1", "resign", s, value(s, 2, "")}, {0, "b/2", "-", s, value(s+1, 1, "b/2")}},
		"the clock is back":                    {{0, "a/1", "", 0, value(s, 1, "a/1")}, {-9, "a/1", "resign", s, value(s, 2, "")}, {-9, "b/2", "-", s, value(s+1, 1, "b/2")}},
		"the store has forgotten":              {{0, "b/2", "", s + 70_000, value(s+70_001, 1, "b/2")}},
		"something else stands there":          {{0, "a/1", "nonsense", 0, value(s, 1, "a/1")}},
	} {
		for _, real := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, real Redis %t", name, real), func(t *testing.T) {
				var addr string
				var ask func(...string)
				if real {
					addr, ask = onRedis.Addr, func(args ...string) { onRedis.Do(args...) }
					ask("FLUSHALL")
				} else {
					server := miniredis.RunT(t)
					addr, ask = server.Addr(), func(args ...string) {
						if err := server.Set(args[1], args[2]); err != nil {
							t.Fatal(err)
						}
					}
				}
				connection, err := tier.New(tier.Options{Addresses: []string{addr}})
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				if steps[0].expected == "nonsense" {
					ask("SET", tier.Key("lease:watch"), "nonsense")
				}
				for i, s := range steps {
					ask("SET", tier.ClockKey, fmt.Sprintf("0 %d", start+1000*s.at))
					got := ""
					err := connection.Run(t.Context(), 30*time.Second, script, []string{tier.Key("lease:watch"), tier.ClockKey}, []any{s.edge, s.expected, s.seen}, func(reply tier.Reply) (err error) {
						got, err = reply.Text()
						return err
					})
					if err != nil || got != s.want {
						t.Errorf("step %d: %q, want %q: %v", i, got, s.want, err)
					}
				}
			})
		}
	}
}
