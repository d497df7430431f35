package bench

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/theriac-edge/theriac/hint"
)

// passLine matches the line that the benchmark of modules/challenge prints per run.
var passLine = regexp.MustCompile(`(?m)^BenchmarkPass\S*\s.*\s([\d.]+) cpu-ns/op\s.*\s(\d+) allocs/op`)

// passes runs that benchmark, which is beside what it measures: only there is a
// stage without an edge around it.
func passes(ctx context.Context, env *Env) (ns, allocs spread, err error) {
	const stage = "github.com/theriac-edge/theriac/modules/challenge"
	cmd := exec.CommandContext(ctx, "go", "test", stage,
		"-run", "^$", "-bench", "^BenchmarkPass$", "-benchtime", "1000000x", "-count", strconv.Itoa(env.Rounds))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return ns, allocs, hint.Errorf("run it in the repository, with Go installed", "measuring the check of a pass: %w\n%s", err, bytes.TrimSpace(out))
	}
	var times, counts []float64
	for _, found := range passLine.FindAllSubmatch(out, -1) {
		for i, list := range []*[]float64{&times, &counts} {
			n, err := strconv.ParseFloat(string(found[1+i]), 64)
			if err != nil {
				return ns, allocs, fmt.Errorf("measuring the check of a pass: reading %q: %w", found[0], err)
			}
			*list = append(*list, n)
		}
	}
	if len(times) != env.Rounds {
		return ns, allocs, fmt.Errorf("measuring the check of a pass: %d of %d runs in\n%s", len(times), env.Rounds, out)
	}
	return spreadOf(times), spreadOf(counts), nil
}

func passCheck(ctx context.Context, env *Env) (float64, error) {
	ns, _, err := env.passes(ctx)
	fmt.Fprintf(env.Log, "%s: %s\n", env.bench, ns)
	return ns.median, err
}

func passAllocs(ctx context.Context, env *Env) (float64, error) {
	_, allocs, err := env.passes(ctx)
	return allocs.most, err
}
