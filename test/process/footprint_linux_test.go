package process

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/modules/shieldctl"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// manyShops is an edge with this many shops; the word changes with each reload.
func manyShops(n int, word string) string {
	var b strings.Builder
	b.WriteString(kit.Global("memory 8MiB"))
	for i := range n {
		b.WriteString(kit.Site(fmt.Sprintf("shop%d.localhost:{$PORT}", i), fmt.Sprintf("shield shop-%d {\n\tname \"%s %d\"\n}\nrespond ok", i, word, i)))
	}
	return b.String()
}

// resident is how much memory a process holds.
func resident(t testing.TB, pid int) int64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(stat), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestReloadsOfManyShops: a reload has two configurations in memory for a moment, and returns
// what the old one took. Shops that nobody has visited have few series.
func TestReloadsOfManyShops(t *testing.T) {
	need.Loopback(t)
	const shops = 100
	e := edge.Start(t, manyShops(shops, "Apotheke"))
	for i := range shops {
		if r := kit.Get(t, edge.From("127.11.0.1"), e.URL, fmt.Sprintf("Host: shop%d.localhost", i)); r.Status != http.StatusOK {
			t.Fatalf("shop %d: %d", i, r.Status)
		}
	}
	series := 0
	for line := range strings.Lines(e.Metrics(t)) {
		if strings.HasPrefix(line, "theriac_") {
			series++
		}
	}
	started := resident(t, e.PID)
	for i := range 4 {
		e.Reload(t, manyShops(shops, fmt.Sprint("Apotheke", i)))
	}
	t.Logf("%d shops: %d series, %d MiB resident", shops, series, started>>20)
	if each := series / shops; each == 0 || each > 40 {
		t.Errorf("%d series a shop after one request", each)
	}
	kit.Eventually(t, 8*time.Second, "the memory of old configurations is returned", func() bool {
		return resident(t, e.PID) < started*5/4
	})
}

// TestMemoryOfASmallContainer: counts get half of what the process may use at most, and an
// operator is told. Where there is enough, they get what is configured.
func TestMemoryOfASmallContainer(t *testing.T) {
	keys := make(map[string]int64)
	for _, limit := range []string{"64MiB", "4GiB"} {
		e := edge.Start(t, kit.Global("memory 256MiB")+kit.Site(kit.AnyHost, "respond ok"), "GOMEMLIMIT="+limit)
		var status shieldctl.Status
		e.Get(t, "/shield/status", &status)
		keys[limit] = int64(status.Store.Capacity)
		isCut := limit == "64MiB"
		const told = "memory is cut from 256 MiB to 32 MiB"
		if strings.HasPrefix(status.Memory, told) != isCut || strings.Contains(e.Log(), told) != isCut {
			t.Errorf("with %s: status says %q", limit, status.Memory)
		}
	}
	if least := keys["4GiB"] / 8; keys["64MiB"] > least*11/10 || keys["64MiB"] < least*9/10 {
		t.Errorf("keys by GOMEMLIMIT: %v", keys)
	}
}
