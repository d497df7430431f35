package runner

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/test/need"
)

// visits have all ended before the drill does, so that it has seen each page.
const visits = `
name: visits
for: 12s
shops: [{name: loewen, workers: 100}]
customers: {arrive: 0/s, think: 50ms, buy: 70%}
crowds: [{name: buyers, at: 0s, for: 4s, shop: loewen, arrive: 6/s}]
targets: {lost: 0}
`

// What a drill reports of a shop is exactly what that shop did: pages, failures, delays,
// and orders that it lost or has twice.
func TestReportsWhatTheShopDid(t *testing.T) {
	need.Time(t)
	d := drillOf(t, visits)
	d.Shops = filepath.Join(t.TempDir(), "faultyshop")
	if out, err := exec.Command("go", "build", "-o", d.Shops, "../../test/faultyshop").CombinedOutput(); err != nil {
		t.Fatalf("building the shop: %v\n%s", err, out)
	}
	run, err := d.In(t.Context(), world.Nothing)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(d.Dir, world.Nothing, "faults.json"))
	if err != nil {
		t.Fatal(err)
	}
	var did struct{ Pages, Failed, Slow, Orders, Lost, Doubled int }
	if err := json.Unmarshal(text, &did); err != nil {
		t.Fatal(err)
	}
	shop := run.Shops[0]
	var sum record.Second
	for i := range shop.Seconds {
		sum.Add(&shop.Seconds[i])
	}
	t.Logf("the shop: %+v; the drill: %d pages, %d good, %+v, %+v", did, sum.Pages, sum.Good, shop.Orders, shop.Latency)
	if did.Failed < 10 || did.Slow < 10 || did.Lost < 3 || did.Doubled < 3 {
		t.Fatalf("the shop did too little of something: this proves nothing")
	}
	if sum.Pages != did.Pages || sum.Pages-sum.Good != did.Failed || shop.Latency.N != did.Pages {
		t.Errorf("%d pages, %d of them not good, %d times: want %d, %d, %d", sum.Pages, sum.Pages-sum.Good, shop.Latency.N, did.Pages, did.Failed, did.Pages)
	}
	want := record.Orders{Wanted: shop.Orders.Wanted, Submitted: did.Orders, Placed: did.Orders - did.Lost - did.Doubled, Lost: did.Lost, Doubled: did.Doubled}
	if shop.Orders != want {
		t.Errorf("orders %+v, want %+v", shop.Orders, want)
	}
	// One page of ten takes 900 ms, and the others 100 ms.
	if l := shop.Latency; l.P50 < 100 || l.P95 < 900 || len(run.Generator.LateSeconds) == 0 && (l.P50 > 400 || l.P95 > 1400) {
		t.Errorf("times %+v, late in %v", l, run.Generator.LateSeconds)
	}
}

// A generator that has no time says so, and says when.
func TestGeneratorIsTheLimit(t *testing.T) {
	need.Time(t)
	d := drillOf(t, `
name: late
for: 6s
shops: [{name: loewen}]
customers: {arrive: 2/s, think: 200ms}
waves: [{name: flood, at: 0s, for: 6s, shop: loewen, vector: get, rate: 50/s, from: 50}]
`)
	d.Progress = func(_ *record.Recorder, at time.Duration) {
		if at == 2*time.Second {
			keepBusy(2 * time.Second)
		}
	}
	run, err := d.In(t.Context(), world.Nothing)
	if err != nil {
		t.Fatal(err)
	}
	within, other := 0, 0
	for _, s := range run.Generator.LateSeconds {
		if s >= 1 && s <= 5 {
			within++
		} else {
			other++
		}
	}
	t.Logf("late in seconds %v, by %s at worst; %d of %d missed", run.Generator.LateSeconds, run.Generator.WorstLate, run.Waves[0].Missed, run.Waves[0].Due)
	if within < 2 || other >= within {
		t.Errorf("late in seconds %v, want most of 2 to 4 and few others", run.Generator.LateSeconds)
	}
}

// keepBusy lets the rest of the process wait for a processor.
func keepBusy(d time.Duration) {
	end := time.Now().Add(d)
	var all sync.WaitGroup
	for range 200 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for time.Now().Before(end) {
			}
		})
	}
	all.Wait()
}
