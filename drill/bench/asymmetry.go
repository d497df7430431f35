package bench

import (
	"context"
	_ "embed" // the page
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	solver "github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/hint"
)

// The puzzle that both sides solve again and again, as asymmetry.html has it:
// short enough that the best run is one in which nothing else came between.
const (
	asymmetryWord      = 0x01020304
	asymmetrySub       = 7
	asymmetryThreshold = 1 << 14
	asymmetryRuns      = 50
)

//go:embed asymmetry.html
var asymmetryPage string

// asymmetry is the advantage of a computer that solves without a browser: the hashes
// per second of one core, with the best that Go has (crypto/sha256, which uses
// the CPU's own instructions for it), against those of one worker of a real
// browser. Both are the best of several runs, whatever else the machine does.
func asymmetry(ctx context.Context, env *Env) (float64, error) {
	worker, err := env.workerRate(ctx)
	if err != nil {
		return 0, err
	}
	native := nativeRate()
	fmt.Fprintf(env.Log, "%s: native %.2f, worker %.2f million hashes per second\n", env.bench, native/1e6, worker/1e6)
	return native / worker, nil
}

// puzzle is the challenge as both sides hash it.
func puzzle() (sealed pow.Sealed) {
	for i := 0; i < len(sealed); i += 4 {
		binary.BigEndian.PutUint32(sealed[i:], asymmetryWord)
	}
	return sealed
}

// nativeRate is hashes per second on one core.
func nativeRate() (best float64) {
	sealed := puzzle()
	for range asymmetryRuns {
		nonce, begun := uint32(0), time.Now()
		for pow.Hash(&sealed, asymmetrySub, nonce) >= asymmetryThreshold {
			nonce++
		}
		best = max(best, (float64(nonce)+1)/time.Since(begun).Seconds())
	}
	return best
}

// browserTimeout is how long a browser may take to start and to measure.
const browserTimeout = 2 * time.Minute

// workerRate has Chromium open a page that measures, and waits for its result.
func (v *Env) workerRate(ctx context.Context) (float64, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return 0, hint.Errorf("apt-get install chromium", "starting a browser: %w", err)
	}
	words := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("%d,", asymmetryWord), len(pow.Sealed{})/4), ",")
	page := strings.NewReplacer("SOLVER", solver.Solver, "WORDS", "["+words+"]", "SUB", strconv.Itoa(asymmetrySub),
		"THRESHOLD", strconv.Itoa(asymmetryThreshold), "RUNS", strconv.Itoa(asymmetryRuns)).Replace(asymmetryPage)
	results := make(chan []byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, page)
			return
		}
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1000)) // one that is cut short is rejected below
		select {
		case results <- body:
		default: // a second result
		}
	}))
	defer server.Close()
	browser, err := child.Start(ctx, child.Command{Name: "chromium", Dir: v.dir, Path: path, Args: []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + filepath.Join(v.dir, "profile"), server.URL,
	}})
	if err != nil {
		return 0, err
	}
	defer browser.Stop()
	select {
	case body := <-results:
		return rateOf(body)
	case <-browser.Done():
		return 0, fmt.Errorf("measuring a worker: the browser: %w", browser.Ended())
	case <-time.After(browserTimeout):
		return 0, fmt.Errorf("measuring a worker: no answer after %s; the browser printed:\n%s", browserTimeout, browser.Tail())
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// rateOf is hashes per second. A worker that did not solve the puzzle was fast at
// something else.
func rateOf(result []byte) (float64, error) {
	var found struct {
		Nonce        uint32
		Milliseconds float64
		Error        string
	}
	if err := json.Unmarshal(result, &found); err != nil {
		return 0, fmt.Errorf("measuring a worker: reading %q: %w", result, err)
	}
	if found.Error != "" || found.Milliseconds <= 0 {
		return 0, fmt.Errorf("measuring a worker: it reported %s", result)
	}
	sealed := puzzle()
	if pow.Hash(&sealed, asymmetrySub, found.Nonce) >= asymmetryThreshold {
		return 0, errors.New("measuring a worker: its answer is wrong")
	}
	return (float64(found.Nonce) + 1) / found.Milliseconds * 1000, nil
}
