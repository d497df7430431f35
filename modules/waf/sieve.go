package waf

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/corazawaf/coraza/v3/types/variables"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/sieve"
	"github.com/theriac-edge/theriac/sieve/seclang"
)

// auditEvery is one of how many requests that the sieve decides are inspected by all rules,
// to see whether it was right. Of the first ones with these rules more are.
const (
	auditEvery      = 1000
	auditEveryFirst = 10
	firstJudged     = 1000
)

// maxOpen bounds the rules of a reduced run: a request with more of them is an attack, or so
// odd that all rules may run.
const maxOpen = 48

// judge is the sieve of an engine.
type judge struct {
	*sieve.Sieve

	aside map[int]bool // rules that it does not judge; they run always
}

// compileSieve compiles the text that Coraza has got.
func compileSieve(text string) (*judge, error) {
	program, err := seclang.Read(coreruleset.FS, text)
	if err != nil {
		return nil, err
	}
	s, err := sieve.Compile(coreruleset.FS, program)
	if err != nil {
		return nil, err
	}
	j := &judge{s, make(map[int]bool)}
	for _, rule := range s.Rules() {
		j.aside[rule.ID] = rule.Treatment == sieve.Aside
	}
	return j, nil
}

// sifter is the sieve with the settings of one shop.
type sifter struct {
	*judge

	plain, varied *sieve.Settings // varied if a step sets another value for the request
	every         int             // one of so many is audited
}

// sift compiles the settings of the shop for the sieve. If the sieve cannot judge the shop's
// rules, all of them run on each request, as without it.
func (h *Handler) sift() {
	if h.Sieve != "on" {
		return
	}
	j, err := h.engine.sieve()
	if err == nil {
		h.sifter, err = newSifter(j, h.steps, h.SieveAudit)
	}
	if err != nil {
		h.log.Warn("the sieve is off for this shop, so each request is inspected by all rules", zap.String("shop", string(h.Shop)), zap.Error(err))
	}
}

func newSifter(j *judge, steps []step, every int) (f *sifter, err error) {
	setup := sieve.Setup{TX: make(map[string]string)}
	var vary []string
	for _, step := range steps {
		setup.Exclude = append(setup.Exclude, step.rules...)
		if step.exclude != nil {
			continue
		}
		setup.TX[step.name] = step.values[0]
		if step.differs != nil {
			vary = append(vary, step.name)
		}
	}
	f = &sifter{judge: j, every: every}
	if f.plain, err = j.Settings(setup); err != nil {
		return nil, err
	}
	if f.varied = f.plain; len(vary) == 0 {
		return f, nil
	}
	setup.Vary = vary
	f.varied, err = j.Settings(setup)
	return f, err
}

// way is how a request is inspected.
type way uint8

const (
	whole   way = iota // by all rules
	reduced            // by all that may match
	clean              // by none: none can match
)

// ways are the names of metrics.
var ways = [...]string{whole: "whole", reduced: "reduced", clean: "clean"}

// inspection is what is known of a request before Coraza has seen it.
type inspection struct {
	values []sieve.Value
	open   []sieve.RuleID
	taken  []sieve.Range // out of a reduced run

	way     way
	audited bool // all rules run, and their verdict counts
}

var inspections = sync.Pool{New: func() any { return new(inspection) }}

// newInspection lists the values of a request and finds out which rules may match them.
func (h *Handler) newInspection(r *http.Request, t *parser.Table) *inspection {
	i := inspections.Get().(*inspection)
	i.values = valuesOf(i.values, r, t)
	if h.sifter == nil || h.engine.distrusted.Load() {
		return i
	}
	i.way = h.judge(i, r, t)
	every := h.sifter.every
	if h.engine.judged.Add(1) <= firstJudged {
		every = min(every, auditEveryFirst)
	}
	i.audited = i.way != whole && rand.IntN(every) == 0
	h.series.sifted[i.way].Inc()
	return i
}

// release forgets the request.
func (i *inspection) release() {
	clear(i.values)
	*i = inspection{values: i.values[:0], open: i.open[:0], taken: i.taken[:0]}
	inspections.Put(i)
}

// judge asks the sieve. If it panics, all rules run.
func (h *Handler) judge(i *inspection, r *http.Request, t *parser.Table) (way way) {
	defer func() {
		if fault := recover(); fault != nil {
			h.series.fault.Inc()
			h.sometimes.Do(func() {
				h.log.Error("the sieve panicked on a request, which all rules have inspected instead; please report this", faultOf(fault))
			})
			way = whole
		}
	}()
	request := sieve.Request{Settings: h.sifter.plain, Values: i.values, Exclude: func(e *sieve.Exclusions) {
		for k := range h.steps {
			if exclude := h.steps[k].exclude; exclude != nil {
				exclude(forSieve{e}, r, t)
			}
		}
	}}
	if slices.ContainsFunc(h.steps, func(s step) bool { return s.differsFor(r) }) {
		request.Settings = h.sifter.varied
	}
	i.open = h.sifter.Open(&request, i.open)
	for _, id := range i.open {
		h.series.open(id)
	}
	if len(i.open) > maxOpen {
		return whole
	}
	taken, ok := h.sifter.Silent(i.open, i.taken)
	i.taken = taken
	switch {
	case !ok:
		return whole
	case len(i.open) > 0:
		return reduced
	}
	return clean
}

func (s *step) differsFor(r *http.Request) bool {
	if s.differs == nil {
		return false
	}
	_, differs := s.differs(r)
	return differs
}

// forSieve tells the sieve what is excluded.
type forSieve struct{ *sieve.Exclusions }

func (f forSieve) RemoveRuleByID(id int) { f.Rule(id) }

func (f forSieve) RemoveRuleTargetByID(id int, variable variables.RuleVariable, key string, keyRx *regexp.Regexp) {
	f.Target(id, variable.Name(), key, keyRx)
}

// begin gives a transaction the request, and takes the rules out that cannot match.
func (h *Handler) begin(tx transaction, i *inspection, r *http.Request, t *parser.Table, taken []sieve.Range) {
	for k := range h.steps {
		h.steps[k].apply(tx, r, t)
	}
	for _, out := range taken {
		tx.RemoveRuleByIDRange(out.First, out.Last)
	}
	fill(tx, r, i.values)
}

// audit compares what all rules have found with what the sieve has foreseen. A difference is
// a fault of the sieve: it is switched off, for all shops with these rules.
func (h *Handler) audit(i *inspection, r *http.Request, t *parser.Table, tx transaction, refused bool) {
	h.series.checked.Inc()
	var missed []int
	for _, rule := range tx.MatchedRules() {
		if id := rule.Rule().ID(); !h.sifter.aside[id] && !slices.Contains(i.open, id) {
			missed = append(missed, id)
		}
	}
	differs := len(missed) > 0 || i.way == clean && refused
	if !differs && i.way == reduced {
		again := h.newTransaction()
		defer h.finish(again)
		h.begin(again, i, r, t, i.taken)
		it, err := phases(again)
		differs = err != nil || (it != nil) != refused || verdictOf(again) != verdictOf(tx)
	}
	if !differs {
		return
	}
	h.series.differs.Inc()
	h.engine.distrusted.Store(true)
	h.log.Error("the sieve has missed what all rules find, and is switched off until the edge is started again; please report this",
		zap.String("shop", string(h.Shop)), zap.Ints("missed", missed), zap.Ints("open", i.open))
}

// verdictOf is what two runs of the same request have in common.
func verdictOf(tx transaction) string {
	var b strings.Builder
	fmt.Fprint(&b, scoreOf(tx), " ", interruptionOf(tx.Interruption()))
	for _, rule := range tx.MatchedRules() {
		fmt.Fprint(&b, " ", rule.Rule().ID())
	}
	return b.String()
}

func interruptionOf(it *types.Interruption) string {
	if it == nil {
		return "passes"
	}
	return fmt.Sprint(it.RuleID, it.Action, it.Status)
}
