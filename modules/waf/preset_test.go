package waf

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/test/benign"
)

// sample is a request of the benign corpus, and what the bare rule set says of
// it.
type sample struct {
	*http.Request
	where string
	body  []byte
	fired []hit
}

// hit is a rule that fired on a field.
type hit struct {
	rule          int
	variable, key string
}

// bench runs the rules over requests, with more or fewer exclusions.
type bench struct {
	engine *engine
	bare   []step // what a shop without exclusions does
	limits parser.Limits
	preset []step // an exclusion each, and then those by shape
}

func newBench(t *testing.T) *bench {
	t.Helper()
	h := &Handler{Bare: true}
	h.fillDefaults()
	engine, key, err := engineOf("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = engines.Delete(key) })
	h.engine = engine
	if err := h.tune(); err != nil {
		t.Fatal(err)
	}
	b := &bench{engine: engine, bare: h.steps, limits: h.Bounds.limits()}
	for _, x := range presetExclusions() {
		step, err := x.compile(engine)
		if err != nil {
			t.Fatalf("%s %s: %v", x.Rule, x.Target, err)
		}
		b.preset = append(b.preset, step)
	}
	b.preset = append(b.preset, byValue(presetMethods())...)
	return b
}

// refuses runs the steps and then the rules.
func (b *bench) refuses(s *sample, steps []step) (refused bool, fired []hit) {
	tx := b.engine.waf.NewTransaction().(transaction)
	defer tx.Close()
	table, wrong := b.read(s)
	for _, step := range append(slices.Clip(b.bare), steps...) {
		step.apply(tx, s.Request, table)
	}
	fill(tx, s.Request, valuesOf(nil, s.Request, table))
	it, err := phases(tx)
	for _, rule := range tx.MatchedRules() {
		for _, data := range rule.MatchedDatas() {
			fired = append(fired, hit{rule.Rule().ID(), data.Variable().Name(), strings.ToLower(data.Key())})
		}
	}
	return it != nil || err != nil || wrong != nil, fired
}

// read returns what the parser makes of a request.
func (b *bench) read(s *sample) (*parser.Table, *parser.Error) {
	table, wrong := parser.ReadHeader(s.Request, b.limits)
	if wrong == nil {
		wrong = table.ReadBody(s.Request, s.body)
	}
	return table, wrong
}

func samples(t *testing.T) (all []*sample) {
	t.Helper()
	requests, err := benign.Read("../../test/benign/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range requests {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request.Bytes())))
		if err != nil {
			t.Fatalf("%s: %v", request.Where, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatalf("%s: %v", request.Where, err)
		}
		all = append(all, &sample{Request: r, where: request.Where, body: body})
	}
	return all
}

// TestPresetIsNarrow: a rule and a target, and a reason. The only rule without
// a target is one that finds nothing: it has bodies read as forms.
func TestPresetIsNarrow(t *testing.T) {
	seen := make(map[string]bool)
	for _, x := range presetExclusions() {
		name := x.Rule + " " + x.Target + strings.Join(x.Paths, " ")
		_, key, pattern, _ := parseTarget(x.Target)
		switch {
		case x.Reason == "":
			t.Errorf("%s: no reason", name)
		case seen[name]:
			t.Errorf("%s: twice", name)
		case x.Rule == "901340" && len(x.Paths) > 0 && len(x.ContentTypes) > 0:
		case x.Target == "":
			t.Errorf("%s: a rule without a target", name)
		case x.Target == "REQUEST_BODY_LENGTH": // has no fields
		case x.Target == "REQUEST_FILENAME" && len(x.Paths) > 0: // the same
		case key == "" && pattern == nil && len(x.ContentTypes) == 0:
			t.Errorf("%s: all fields of all requests", name)
		case strings.HasPrefix(x.Rule, "attack-") && len(x.Paths) == 0:
			t.Errorf("%s: all rules of a kind on all paths", name)
		}
		seen[name] = true
	}
}
