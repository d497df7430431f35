package sieve

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
)

var all = flag.Bool("all", false, "inspect all requests at all paranoia levels, which takes minutes")

// tally is what comparing requests has shown.
type tally struct {
	requests, silent, clean int
	missed                  []string    // rules that have fired, and were not open
	open                    map[int]int // how often a rule was open for a request on which Coraza is silent
}

// compare runs both on a request; change may change what the sieve gets.
func (p *pair) compare(n *tally, where string, r *http.Request, table *parser.Table, change func(*sieve.Request)) {
	tx := p.begin(r, table)
	defer tx.Close()
	request := p.request(r, table)
	change(request)
	open := p.sieve.Open(request, nil)
	matched := p.fired(tx)
	n.requests++
	if len(open) == 0 {
		n.clean++
	}
	if len(matched) == 0 {
		n.silent++
		for _, id := range open {
			n.open[id]++
		}
	}
	for _, id := range matched {
		if !slices.Contains(open, id) {
			n.missed = append(n.missed, fmt.Sprintf("%s: rule %d fires, and is not among the open rules %v", where, id, open))
		}
	}
}

func (n *tally) report(t *testing.T, what string) {
	t.Helper()
	ids := slices.SortedFunc(maps.Keys(n.open), func(a, b int) int { return cmp.Or(n.open[b]-n.open[a], a-b) })
	var often []string
	for _, id := range ids[:min(len(ids), 12)] {
		often = append(often, fmt.Sprintf("%d: %d", id, n.open[id]))
	}
	t.Logf("%s: %d requests, Coraza is silent on %d, proven clean %d; open in vain: %s", what, n.requests, n.silent, n.clean, strings.Join(often, ", "))
	for _, missed := range n.missed[:min(len(n.missed), 10)] {
		t.Error(missed)
	}
}

func same(*sieve.Request) {}

// TestSound: each rule that fires is open, so no open rule means that none fires.
func TestSound(t *testing.T) {
	base := pairOf(t)
	levels, step := []int{1, 4}, 67
	if *all {
		levels, step = []int{4, 1, 2, 3}, 1
	}
	for _, paranoia := range levels {
		p := base.at(t, paranoia)
		for what, samples := range map[string][]*sample{"suite": suite(t), "benign corpus": corpus(t)} {
			n := &tally{open: make(map[int]int)}
			for i := 0; i < len(samples); i += step {
				if s := samples[i]; s.table != nil {
					p.compare(n, s.where, s.Request, s.table, same)
				}
			}
			n.report(t, fmt.Sprintf("%s at paranoia %d", what, paranoia))
			if n.silent == 0 || n.requests < 40 {
				t.Errorf("%s: %d requests say nothing", what, n.requests)
			}
		}
	}
	t.Logf("the states of automata take %d bytes", base.sieve.StateMemory())
}

// TestUnsoundIsSeen is the control: a sieve that is not given the arguments misses attacks.
func TestUnsoundIsSeen(t *testing.T) {
	p := pairOf(t).at(t, 1)
	n := &tally{open: make(map[int]int)}
	samples := suite(t)
	for i := 0; i < len(samples); i += 80 {
		if s := samples[i]; s.wrong == nil {
			p.compare(n, s.where, s.Request, s.table, func(r *sieve.Request) {
				r.Values = slices.DeleteFunc(r.Values, func(v sieve.Value) bool { return v.Variable == sieve.ArgsGet || v.Variable == sieve.ArgsPost })
			})
		}
	}
	if len(n.missed) < 5 {
		t.Errorf("only %d of %d requests show that arguments are missing", len(n.missed), n.requests)
	}
}

// mutate changes values of a request, so that both see the same that no client has sent.
func mutate(random *rand.Rand, table *parser.Table, attacks []string) {
	for i := range table.Values {
		v := &table.Values[i]
		switch random.IntN(5) {
		case 0:
			v.Text += text(random)
		case 1:
			v.Text = attacks[random.IntN(len(attacks))]
		case 2:
			at := random.IntN(len(v.Text) + 1)
			v.Text = v.Text[:at] + text(random) + v.Text[at:]
		case 3:
			v.Name = strings.Clone(v.Name + text(random))
		}
	}
}

// TestSoundMutated is the same with values that are put together from pieces of attacks.
func TestSoundMutated(t *testing.T) {
	base := pairOf(t)
	samples := slices.DeleteFunc(append(suite(t), corpus(t)...), func(s *sample) bool { return s.wrong != nil || s.table == nil })
	var attacks []string
	for _, s := range samples {
		for _, v := range s.table.Values {
			if len(v.Text) < 2000 {
				attacks = append(attacks, v.Text)
			}
		}
	}
	rounds, seed := 60, uint64(1)
	if *all {
		rounds, seed = 10_000, rand.Uint64()
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for _, paranoia := range []int{1, 3} {
		p := base.at(t, paranoia)
		n := &tally{open: make(map[int]int)}
		for range rounds {
			s := samples[random.IntN(len(samples))]
			table := *s.table
			table.Values = slices.Clone(table.Values)
			mutate(random, &table, attacks)
			p.compare(n, s.where, s.Request, &table, same)
		}
		n.report(t, fmt.Sprintf("mutated at paranoia %d", paranoia))
	}
}
