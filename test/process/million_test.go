//go:build !race

package process

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// million is how many addresses come, each of a /24 or /56 of its own as far as
// there are any. With the race detector that takes six times as long.
const million = 1_000_000

// allowance is what the rest of an edge may take: Caddy with its modules.
const allowance = 8 << 20

// TestMillionAddresses: the memory stays below the cap, with counts in this
// process and with a Redis that is lost, when shares of limits come on top.
func TestMillionAddresses(t *testing.T) {
	need.Time(t)
	const cap64 = 64 << 20
	chain := func(settings string) string {
		return strings.Replace(kit.Global(settings), "\tmetrics\n", "", 1) +
			kit.Site("127.0.0.1:"+kit.PortOf(need.Addr(t)), "shield loewen {\n\tlimit client {\n\t\tpenalty 1 1h\n\t}\n\twaf off\n}\nrespond ok")
	}
	for _, c := range []struct {
		name, settings string
		fits           bool
	}{
		{"in memory", "memory 64MiB", true},
		{"with a lost Redis", "memory 64MiB\nsecret only-for-tests-on-loopback\nredis redis://" + need.Addr(t), true},
		{"control: four times the cap", "memory 256MiB", false},
	} {
		before := heap()
		loadHere(t, strings.ReplaceAll(chain(c.settings), "http://127.0.0.1:", "http://:"))
		handler := serverHere(t)
		n := million
		if !c.fits {
			n = 1000
		}
		visitAll(handler, 1000)
		kit.Eventually(t, 30*time.Second, "the watch shows what it sees of the shop", func() bool {
			before := seriesHere(t)
			visitAll(handler, 1000)
			time.Sleep(1100 * time.Millisecond) // until that second is judged
			return seriesHere(t) > before+3
		})
		series := seriesHere(t)
		statuses := visitAll(handler, n)
		grown := heap() - before
		t.Logf("%s: %d requests, statuses %v, heap grew by %.1f MiB, %d series", c.name, n, statuses, float64(grown)/(1<<20), series)
		if fits := grown <= cap64+allowance; fits != c.fits {
			t.Errorf("%s: the heap grew by %d bytes", c.name, grown)
		}
		if after := seriesHere(t); after != series {
			t.Errorf("%s: %d series became %d", c.name, series, after)
		}
		for status := range statuses {
			if status != http.StatusOK && status != http.StatusTooManyRequests {
				t.Errorf("%s: %d answers had status %d", c.name, statuses[status], status)
			}
		}
		stopHere(t)
	}
}
