package waf

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// mall is an edge's Caddyfile with so many shops, each with a firewall tuned
// to its own needs; more are words for all of them, in which %d is the shop.
func mall(shops int, backend, more string) string {
	var b strings.Builder
	b.WriteString(kit.Global(""))
	for i := range shops {
		name := fmt.Sprint("shop-", i)
		b.WriteString(kit.Site(name+".localhost:{$PORT}", bare(name, fmt.Sprintf(`threshold %d
paranoia %d
methods GET HEAD POST PURGE
types application/x-www-form-urlencoded application/json text/x-%d
exclude 942100 ARGS:field-%[3]d
exclude 941100 ARGS:/^html-%[3]d\[/
exclude attack-rce REQUEST_COOKIES:c%[3]d
exclude 920%d`, 5+i%10, 1+i%2, i, 300+10*(i%3))+strings.ReplaceAll(more, "%d", fmt.Sprint(i)), backend)))
	}
	return b.String()
}

// inUse is the memory that an edge uses after a collection.
func inUse(t testing.TB, e *edge.Edge) int64 {
	t.Helper()
	for range 2 { // the first one fills the pools' victims
		response, err := http.Get("http://" + e.Admin + "/debug/pprof/heap?gc=1")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	for line := range strings.Lines(e.Metrics(t)) {
		if value, ok := strings.CutPrefix(line, "go_memstats_heap_alloc_bytes "); ok {
			bytes, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(bytes)
		}
	}
	t.Fatal("the metrics do not say how much memory is in use")
	return 0
}

// TestShopsShareTheRules: 500 shops with a tuning of their own take little more
// memory than one, start soon, and a reload that changes one of them costs
// less than to compile rules for each would. Each is tuned as it asks.
func TestShopsShareTheRules(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	const shops = 500
	backend := kit.NewBackend(t)
	measure := func(n int, more string) (heap int64, start time.Duration, e *edge.Edge) {
		e = edge.Start(t, mall(n, backend.Addr, more))
		start = kit.CPU(t, e.PID)
		return inUse(t, e), start, e
	}
	heapOne, startOne, one := measure(1, "")
	one.Kill()
	heap, start, e := measure(shops, "")
	before := kit.CPU(t, e.PID)
	e.Reload(t, strings.Replace(mall(shops, backend.Addr, ""), "text/x-70\n", "text/x-changed\n", 1))
	reload := kit.CPU(t, e.PID) - before
	after := inUse(t, e)
	t.Logf("one shop: %d MB, started in %s; %d shops: %d MB, started in %s; after a reload, which took %s: %d MB",
		heapOne>>20, startOne, shops, heap>>20, start, reload, after>>20)
	if heap-heapOne > 60<<20 || after-heap > 60<<20 {
		t.Errorf("%d shops take %d MB more than one, and a reload %d MB", shops, (heap-heapOne)>>20, (after-heap)>>20)
	}
	// To compile the rules takes 40 ms for each shop: 18 s for all.
	if start-startOne > 2*time.Second || reload > 3*time.Second {
		t.Errorf("%d shops start in %s more than one, and a reload takes %s of CPU time", shops, start-startOne, reload)
	}
	controlShops(t, heapOne, startOne, measure)
	client := edge.From("127.0.0.1")
	for shop, own := range map[int]string{10: "text/x-10", 70: "text/x-changed", 490: "text/x-490"} {
		for _, sent := range []string{own, "text/x-5"} {
			want := http.StatusForbidden
			if sent == own {
				want = http.StatusOK
			}
			form := &parcel{[]string{"Content-Type: " + sent, "User-Agent: Mozilla/5.0"}, "aspirin"}
			if got := form.send(t, client, e.URL, fmt.Sprintf("shop-%d.localhost", shop)); got != want {
				t.Errorf("shop %d, content type %s: status %d, want %d", shop, sent, got, want)
			}
		}
	}
}

// controlShops: what the test measures is there to see where each shop has rules
// of its own, and so does not share.
func controlShops(t *testing.T, heapOne int64, startOne time.Duration, measure func(int, string) (int64, time.Duration, *edge.Edge)) {
	t.Helper()
	const shops = 20
	dir := t.TempDir()
	for i := range shops {
		rule := fmt.Sprintf("SecRule ARGS \"@streq %d\" \"id:1000,phase:2,deny\"\n", i)
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	heap, start, e := measure(shops, "\nrules "+dir+"/%d")
	e.Kill()
	t.Logf("control: %d shops with rules of their own: %d MB, started in %s", shops, heap>>20, start)
	if (heap-heapOne)/shops < 1<<20 || (start-startOne)/shops < 5*time.Millisecond {
		t.Errorf("control: %d shops with rules of their own take only %d MB and %s more than one", shops, (heap-heapOne)>>20, start-startOne)
	}
}

// TestRulesOfAShopsOwn: they hold for that shop alone, and an edited file
// takes effect with the next reload.
func TestRulesOfAShopsOwn(t *testing.T) {
	t.Parallel()
	backend := kit.NewBackend(t)
	file := filepath.Join(t.TempDir(), "rules.conf")
	write := func(word string) {
		rule := fmt.Sprintf("SecRule ARGS \"@streq %s\" \"id:1000,phase:2,deny,status:403,msg:'own'\"\n", word)
		if err := os.WriteFile(file, []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(concurrency int) string { // Caddy does nothing about a Caddyfile that says the same
		return kit.Global("") + kit.Site("own.localhost:{$PORT}", bare("own", "rules "+file, backend.Addr)) +
			kit.Site("other.localhost:{$PORT}", bare("other", fmt.Sprint("concurrency ", concurrency), backend.Addr))
	}
	write("aspirin")
	e := edge.Start(t, config(8))
	for _, word := range []string{"aspirin", "heparin"} {
		for _, q := range []string{"aspirin", "heparin"} {
			for host, own := range map[string]bool{"own": true, "other": false} {
				want := http.StatusOK
				if own && q == word {
					want = http.StatusForbidden
				}
				if got := kit.Get(t, edge.From("127.0.0.1"), e.URL+"/?q="+q, "Host: "+host+".localhost", "User-Agent: Mozilla/5.0", "Accept: text/html").Status; got != want {
					t.Errorf("the rule says %s: %s at %s has status %d, want %d", word, q, host, got, want)
				}
			}
		}
		write("heparin")
		e.Reload(t, config(9))
		time.Sleep(100 * time.Millisecond) // until the old servers listen no more
	}
}
