package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
)

// times are what one visitor of TestSolveTime waited for.
type times struct {
	page   time.Duration // from going there until the challenge came
	solve  time.Duration // what the browser says that it worked
	pass   time.Duration // from going there until the pass came
	arrive time.Duration // from going there until the shop's page came
	hashes float64       // what the work was, whatever the machine did besides
	noise  time.Duration // what a fixed piece of work took then, on two cores
}

// TestSolveTime: a visitor at level 2 hardly notices. What it takes is the work
// of 32 small puzzles and not of one large one, so that nobody is unlucky. The
// bounds leave room for what a busy machine does; the figures are for reading.
func TestSolveTime(t *testing.T) {
	need.Time(t)
	const visits = 100
	s := openMall(t, plan{
		instead: checkout(),
		options: "servers {\n\ttrusted_proxies static 127.0.0.0/8\n}\n",
	})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	all := make([]times, visits)
	for i := range all {
		// Each comes from a network of its own: where many solve, prices rise.
		from := network.Headers{"X-Forwarded-For": fmt.Sprintf("10.%d.%d.7", i/100, i%100)}
		chrome.Call(w.Tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: from})
		w.losePass()
		before := len(w.Answers())
		w.Go(s.at("loewen", "/"))
		w.Await(`document.getElementById("home")`)
		chrome.Eval[any](w.Tab, `sessionStorage.clear()`) // the page stops after three in a row
		all[i] = w.timesOf(w.Answers()[before:])
		all[i].noise = fixedWork()
	}
	w.counts(map[string]int{"page": visits, "passed": visits, "returned": visits})
	of := func(what, unit string, pick func(times) float64) (median, ratio float64) {
		sorted := make([]float64, visits)
		for i, took := range all {
			sorted[i] = pick(took)
		}
		slices.Sort(sorted)
		median, p99 := sorted[visits/2], sorted[visits*99/100-1]
		t.Logf("%s: median %.0f %s, p90 %.0f, p99 %.0f = %.2f × median, most %.0f",
			what, median, unit, sorted[visits*9/10-1], p99, p99/median, sorted[visits-1])
		return median, p99 / median
	}
	_, unlucky := of("the work", "thousand hashes", func(took times) float64 { return took.hashes / 1000 })
	of("the challenge's page", "ms", func(took times) float64 { return ms(took.page) })
	of("working", "ms", func(took times) float64 { return ms(took.solve) })
	median, ratio := of("until the pass is there", "ms", func(took times) float64 { return ms(took.pass) })
	of("until the shop's page is there", "ms", func(took times) float64 { return ms(took.arrive) })
	// 32 puzzles: a deviation of 1/√32, and in the mean 1.46 times the median
	// for one of 100 visitors.
	if unlucky > 1.75 {
		t.Errorf("the unlucky work %.2f times what others do, want at most 1.75", unlucky)
	}
	_, noise := of("the machine, at a fixed piece of work", "ms", func(took times) float64 { return ms(took.noise) })
	if bound := max(3, 1.75*noise); median > 1000 || ratio > bound || math.IsNaN(ratio) {
		t.Errorf("the pass takes %.0f ms in the median and %.2f times that at worst, want at most 1000 ms and %.2f times", median, ratio, bound)
	}
}

// fixedWork says how long the machine takes now for what takes it about 20 ms
// when it has nothing else to do.
func fixedWork() time.Duration {
	began := time.Now()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			var block [64]byte
			for range 200_000 {
				sum := sha256.Sum256(block[:])
				copy(block[:], sum[:])
			}
		})
	}
	both.Wait()
	return time.Since(began)
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// timesOf reads the times of one visit out of what the browser got.
func (w *walker) timesOf(answers []chrome.Answer) (took times) {
	w.t.Helper()
	find := func(method, path string, status int) chrome.Answer {
		w.t.Helper()
		i := slices.IndexFunc(answers, func(a chrome.Answer) bool {
			return a.Method == method && a.Path == path && a.Status == status
		})
		if i < 0 {
			w.t.Fatalf("no %s %s %d in %v", method, path, status, answers)
		}
		return answers[i]
	}
	page, work := find("GET", "/", 503), find("POST", "/.theriac/challenge", 204)
	answer := strings.Split(work.Posted, ".") // token, nonces, milliseconds
	if len(answer) != 3 {
		w.t.Fatalf("the page handed in %q", work.Posted)
	}
	solved, err := strconv.Atoi(answer[2])
	nonces, wrong := base64.RawURLEncoding.DecodeString(answer[1])
	if err != nil || wrong != nil || len(nonces) != 4*pow.Subpuzzles {
		w.t.Fatalf("the page handed in %q: %v, %v", work.Posted, err, wrong)
	}
	took = times{
		page: page.Got - page.Sent, solve: time.Duration(solved) * time.Millisecond,
		pass: work.Got - page.Sent, arrive: find("GET", "/", 200).Got - page.Sent,
	}
	// Each search begins at a multiple of 1<<27 and tries one after the other.
	for i := range pow.Subpuzzles {
		took.hashes += 1 + float64(binary.BigEndian.Uint32(nonces[4*i:])%(1<<27))
	}
	return took
}
