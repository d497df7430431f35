package browser

import (
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// The vectors are those of challenge/pow: what it accepts is what both searches
// of the page find, and each at the least nonce. It is the minified solver that
// is held to them, as browsers get it. The rates are what slow ways to write
// SHA-256 in JavaScript do not reach; a quiet machine does three times as much.
func TestSolver(t *testing.T) {
	out, err := exec.Command(need.Node(t), "testdata/solver.cjs", "solver.min.js", "../pow/testdata/vectors.json").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("running the solver in Node: %v", err)
	}
	for what, want := range map[string]float64{
		`([\d.]+) checks`:      500,
		`worker ([\d.]+) MH/s`: 2.6,
		`page ([\d.]+) MH/s`:   0.8,
	} {
		found := regexp.MustCompile(what).FindSubmatch(out)
		if found == nil {
			t.Errorf("the solver does not say %s", what)
			continue
		}
		if got, err := strconv.ParseFloat(string(found[1]), 64); err != nil || got < want {
			t.Errorf("%s (%v), want at least %v", found[0], err, want)
		}
	}
}
