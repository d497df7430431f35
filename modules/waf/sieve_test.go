package waf

import (
	"flag"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
)

var sieveAll = flag.Bool("sieve", false, "compare with and without the sieve for all requests, at all paranoia levels")

// sievedShop returns a shop with the sieve on, and what it logs.
func sievedShop(t testing.TB, h *Handler) (*Handler, *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zap.DebugLevel)
	h.Sieve, h.log, h.series = "on", zap.New(core), seriesOf("sieve")
	h.fillDefaults()
	e, key, err := engineOf("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = engines.Delete(key) })
	if h.engine = e; h.tune() != nil {
		t.Fatal("tuning failed")
	}
	if h.sift(); h.sifter == nil {
		t.Fatal(logged.All())
	}
	return h, logged
}

// compared says how two inspections of the same request differ, if they do.
func (h *Handler) compared(s *sample, table *parser.Table) (way way, difference string) {
	i := inspections.Get().(*inspection)
	defer i.release()
	i.values = valuesOf(i.values, s.Request, table)
	i.way = h.judge(i, s.Request, table)
	run := func(taken []sieve.Range) (refused bool, verdict string, fired []int) {
		tx := h.newTransaction()
		defer tx.Close()
		h.begin(tx, i, s.Request, table, taken)
		it, err := phases(tx)
		for _, rule := range tx.MatchedRules() {
			fired = append(fired, rule.Rule().ID())
		}
		return it != nil || err != nil, verdictOf(tx), fired
	}
	refused, want, fired := run(nil)
	for _, id := range fired {
		if !h.sifter.aside[id] && !slices.Contains(i.open, id) {
			return i.way, "rule " + strconv.Itoa(id) + " fires and is not open"
		}
	}
	if i.way == clean && refused {
		return i.way, "refused, although no rule is open"
	}
	if _, got, _ := run(i.taken); i.way != whole && got != want {
		return i.way, "got " + got + ", want " + want
	}
	return i.way, ""
}

// TestSieveSaysTheSame: what is left of the rules has the verdict, the score and the fired
// rules of all rules together, with the preset and without. `go test -run SieveSays -sieve` is
// the long run.
func TestSieveSaysTheSame(t *testing.T) {
	t.Parallel()
	corpus := samples(t)
	for where, s := range wholeSuite(t) {
		s.where = where
		if s.URL, _ = url.ParseRequestURI(s.RequestURI); s.URL == nil {
			continue // net/http does not read it either
		}
		corpus = append(corpus, s)
	}
	levels, step := []int{1, 4}, 61
	if *sieveAll {
		levels, step = []int{1, 2, 3, 4}, 1
	}
	for _, paranoia := range levels {
		for _, bare := range []bool{false, true} {
			h, _ := sievedShop(t, &Handler{Paranoia: paranoia, Bare: bare})
			ways := make(map[way]int)
			for k := 0; k < len(corpus); k += step {
				table, wrong := parser.ReadHeader(corpus[k].Request, h.Bounds.limits())
				if wrong == nil {
					wrong = table.ReadBody(corpus[k].Request, corpus[k].body)
				}
				if table == nil || wrong != nil {
					continue
				}
				way, difference := h.compared(corpus[k], table)
				if ways[way]++; difference != "" {
					t.Errorf("%s at paranoia %d, bare %t: %s", corpus[k].where, paranoia, bare, difference)
				}
			}
			t.Logf("paranoia %d, bare %t: %d clean, %d reduced, %d whole", paranoia, bare, ways[clean], ways[reduced], ways[whole])
			if ways[clean] == 0 || ways[reduced] == 0 {
				t.Error("this says nothing")
			}
		}
	}
}

// TestStepsNameTheirRules: the sieve is told beforehand which rules an exclusion may name.
func TestStepsNameTheirRules(t *testing.T) {
	t.Parallel()
	h, _ := sievedShop(t, &Handler{Staff: []string{"/backend_8f3a/"}})
	corpus := samples(t)
	for k := 0; k < len(corpus); k += 10 {
		s := corpus[k]
		table, wrong := parser.ReadHeader(s.Request, h.Bounds.limits())
		if wrong == nil {
			wrong = table.ReadBody(s.Request, s.body)
		}
		if wrong != nil {
			continue
		}
		for _, step := range h.steps {
			if step.exclude == nil {
				continue
			}
			var named sieve.Exclusions
			step.exclude(forSieve{&named}, s.Request, table)
			for _, id := range named.Rules() {
				if !slices.Contains(step.rules, id) {
					t.Errorf("%s: rule %d is excluded and not named", s.where, id)
				}
			}
		}
	}
}
