package challenge

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestLevelsReachEveryEdge: a level that is set at one edge holds at the
// others within 100 ms, survives a reload, and ends by itself.
func TestLevelsReachEveryEdge(t *testing.T) {
	edges := challengedTier(t, 3, need.Redis(t).Addr, kit.NewBackend(t).Addr, "")
	visitors := []*kit.Visitor{kit.NewVisitor(t, edges[1], "127.50.0.1"), kit.NewVisitor(t, edges[2], "127.50.0.2")}
	var took []time.Duration
	for round := range 20 {
		level, want := shop.Attack, http.StatusServiceUnavailable
		if round%2 == 1 {
			level, want = shop.Calm, http.StatusOK
		}
		kit.SetLevel(t, edges[0], "loewen", level)
		begin := time.Now()
		for _, v := range visitors {
			for {
				if status, _, _ := v.Get("/"); status == want {
					break
				}
				if time.Since(begin) > 10*time.Second {
					t.Fatalf("round %d: edge %s does not learn of level %s", round, v.Edge.Addr, level)
				}
			}
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("both other edges knew after %s in the median, %s at most", took[len(took)/2], took[len(took)-1])
	if median := took[len(took)/2]; median > 100*time.Millisecond {
		t.Errorf("the median is %s", median)
	}
	if said, err := edge.Run(t, "shield", "level", "loewen", "3", "--for", "2s", "--address", edges[2].Admin); err != nil || !strings.Contains(said, "3 heavy attack") {
		t.Errorf("theriac shield level: %v: %s", err, said)
	}
	kit.Eventually(t, time.Second, "the level of the command holds", func() bool { return kit.LevelOf(t, edges[0], "loewen") == shop.Heavy })
	kit.Eventually(t, 5*time.Second, "the level ends by itself", func() bool { return kit.LevelOf(t, edges[0], "loewen") == shop.Calm })
	pinsByCommand(t, edges)
	for _, e := range edges {
		if log := e.Log(); !strings.Contains(log, "the shop's level has changed") {
			t.Errorf("edge %s logs no change", e.Addr)
		}
	}
}

// pinsByCommand: what the commands say of a level, where it comes from, and when it ends.
func pinsByCommand(t *testing.T, edges []*edge.Edge) {
	t.Helper()
	for _, step := range []struct{ command, says, table, log, source string }{
		{"level loewen 1 --at-least --why ticket", "loewen is at level 1 raised or above until ", "1 raised by people until ", `"by":"people","why":"ticket"`, "2"},
		{"level loewen 0", "loewen is at level 0 calm until ", "0 calm by people until ", `"attack_level":"0 calm","before":"1 raised","by":"people"`, "2"},
		{"level loewen auto", "loewen is left to the edges, and is at level 0 calm", "0 calm  ", "", "0"},
	} {
		if said, err := kit.Shield(t, edges[1], strings.Fields(step.command)...); err != nil || !strings.HasPrefix(said, step.says) {
			t.Errorf("%s: %v: %q, want %q", step.command, err, said, step.says)
		}
		for _, e := range edges {
			kit.Eventually(t, 5*time.Second, "`shops` shows it: "+step.table, func() bool {
				said, err := kit.Shield(t, e, "shops")
				return err == nil && strings.Contains(said, step.table)
			})
			if source := `theriac_shield_level_source{shop="loewen"} ` + step.source; !strings.Contains(e.Metrics(t), source) {
				t.Errorf("%s: the metrics have no %s", step.command, source)
			}
			if !strings.Contains(e.Log(), step.log) {
				t.Errorf("%s: the log has no %s", step.command, step.log)
			}
		}
	}
}

// TestChallengeWithoutRedis: Redis is killed while a shop challenges. Passes
// go on, new visitors get in, a level can be set, and nobody gets 5xx but the
// challenge.
func TestChallengeWithoutRedis(t *testing.T) {
	need.Time(t)
	t.Parallel()
	redis := need.Redis(t)
	edges := challengedTier(t, 2, redis.Addr, kit.NewBackend(t).Addr, "")
	kit.SetLevel(t, edges[0], "loewen", shop.Attack)
	kit.Eventually(t, 5*time.Second, "both edges know", func() bool { return kit.LevelOf(t, edges[1], "loewen") == shop.Attack })
	customer := kit.NewVisitor(t, edges[0], "127.51.0.1")
	customer.Earn("/product/1")
	long := passExpiry(t, customer.Pass)
	shopsOn := func(when string, v *kit.Visitor) {
		t.Helper()
		for _, path := range []string{"/product/1", "/cart", "/checkout"} {
			if status, _, _ := v.Get(path); status != http.StatusOK {
				t.Errorf("%s: %s: status %d", when, path, status)
			}
		}
	}
	shopsOn("with Redis", customer)
	redis.Kill()
	for i := range 20 {
		shopsOn("as Redis dies", customer)
		newcomer := kit.NewVisitor(t, edges[i%2], "127.52.0."+string(rune('1'+i%8)))
		newcomer.Earn("/product/1")
		shopsOn("as Redis dies, with a new pass", newcomer)
	}
	kit.Eventually(t, 5*time.Second, "the edges have given up", func() bool { return !kit.StatusOf(t, edges[0]).Store.Shared })
	late := kit.NewVisitor(t, edges[0], "127.53.0.1")
	late.Earn("/product/1")
	if short := passExpiry(t, late.Pass); short > long/2 {
		t.Errorf("a pass lasts %s while the store is lost, %s otherwise", short, long)
	}
	answer := kit.Solution(t, late.FreshToken("/product/1"))
	if status, _, _ := late.Submit(answer); status != http.StatusNoContent {
		t.Errorf("solving while Redis is lost: %d", status)
	}
	if status, word, _ := late.Submit(answer); word != "replayed" {
		t.Errorf("the same again: %d %s", status, word)
	}
	kit.SetLevel(t, edges[0], "loewen", shop.Calm)
	if status, _, _ := kit.NewVisitor(t, edges[0], "127.53.0.2").Get("/"); status != http.StatusOK {
		t.Errorf("a level that is set while Redis is lost does not hold here: %d", status)
	}
	redis.Restart()
	kit.Eventually(t, 10*time.Second, "the other edge learns of it", func() bool { return kit.LevelOf(t, edges[1], "loewen") == shop.Calm })
}

// passExpiry is how long a pass lasts.
func passExpiry(t testing.TB, pass string) time.Duration {
	t.Helper()
	p, err := kit.Keys(t).OpenPass(pass, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p.Expires.Sub(p.Issued)
}
