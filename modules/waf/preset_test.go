package waf

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/test/benign"
	"github.com/theriac-edge/theriac/test/need"
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
	preset []step // an exclusion each
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
	b := &bench{engine: engine, bare: h.steps}
	for _, x := range presetExclusions() {
		step, err := x.compile(engine)
		if err != nil {
			t.Fatalf("%s %s: %v", x.Rule, x.Target, err)
		}
		b.preset = append(b.preset, step)
	}
	return b
}

// refuses runs the steps and then the rules.
func (b *bench) refuses(s *sample, steps []step) (refused bool, fired []hit) {
	tx := b.engine.waf.NewTransaction().(transaction)
	defer tx.Close()
	for _, apply := range append(slices.Clip(b.bare), steps...) {
		apply(tx, s.Request)
	}
	if headers(tx, s.Request) != nil {
		return true, nil
	}
	_, _, _ = tx.WriteRequestBody(s.body) // within all bounds
	it, err := tx.ProcessRequestBody()
	for _, rule := range tx.MatchedRules() {
		for _, data := range rule.MatchedDatas() {
			fired = append(fired, hit{rule.Rule().ID(), data.Variable().Name(), strings.ToLower(data.Key())})
		}
	}
	return it != nil || err != nil, fired
}

func samples(t *testing.T) (all []*sample) {
	t.Helper()
	requests, err := benign.Read("../../test/testdata/benign")
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

// TestPresetIsNeeded: the bare rule set refuses many requests of the corpus,
// the preset none, and the preset without one of its exclusions at least one.
func TestPresetIsNeeded(t *testing.T) {
	need.Time(t)
	b, all := newBench(t), samples(t)
	var bitten []*sample
	for _, s := range all {
		refused, fired := b.refuses(s, nil)
		if !refused {
			continue
		}
		if again, _ := b.refuses(s, b.preset); again {
			t.Errorf("%s: refused in spite of the preset", s.where)
		}
		s.fired = fired
		bitten = append(bitten, s)
	}
	if len(all) < 1200 || len(bitten) < 300 {
		t.Errorf("the bare rule set refuses %d of %d; want at least 300 of 1200", len(bitten), len(all))
	}
	for i, x := range presetExclusions() {
		without := slices.Delete(slices.Clone(b.preset), i, i+1)
		if !slices.ContainsFunc(bitten, func(s *sample) bool {
			if !x.concerns(t, b.engine, s) {
				return false
			}
			refused, _ := b.refuses(s, without)
			return refused
		}) {
			t.Errorf("exclude %s %s %v %v: no request of the corpus needs it", x.Rule, x.Target, x.Paths, x.ContentTypes)
		}
	}
	t.Logf("%d requests, of which the bare rule set refuses %d; %d exclusions", len(all), len(bitten), len(b.preset))
}

// concerns reports whether the exclusion takes away something that fired.
func (x *Exclusion) concerns(t *testing.T, e *engine, s *sample) bool {
	t.Helper()
	ids, err := e.rulesOf(x.Rule)
	if err != nil {
		t.Fatal(err)
	}
	return x.holds(s.Request) && slices.ContainsFunc(s.fired, func(h hit) bool {
		if x.Target == "" || !slices.Contains(ids, h.rule) {
			return x.Target == ""
		}
		_, key, pattern, err := parseTarget(x.Target)
		if err != nil {
			t.Fatal(err)
		}
		return pattern == nil && (key == "" || key == h.key) || pattern != nil && pattern.MatchString(h.key)
	})
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
		case key == "" && pattern == nil && len(x.ContentTypes) == 0:
			t.Errorf("%s: all fields of all requests", name)
		case strings.HasPrefix(x.Rule, "attack-") && len(x.Paths) == 0:
			t.Errorf("%s: all rules of a kind on all paths", name)
		}
		seen[name] = true
	}
}

// TestExclusionHolds where it is meant to, and not where a server may read the
// path in another way.
func TestExclusionHolds(t *testing.T) {
	for target, want := range map[string]bool{
		"/admin":                     true,
		"/admin/":                    true,
		"/admin/product?x=1":         true,
		"/admin/l%C3%B6we":           true,
		"/admin_x1/product":          true,
		"/api/product/1":             true,
		"/":                          false,
		"/cart?x=/admin/":            false,
		"/cart/admin/":               false,
		"/Admin/":                    false,
		"/api/products":              false,
		"/admin/../cart":             false,
		"/admin/./x":                 false,
		"/admin//../cart":            false,
		"/admin/..;/cart":            false,
		"/admin/;/../cart":           false,
		"/admin/%2e%2e/cart":         false,
		"/admin/%2E%2E%2Fcart":       false,
		"/admin/%252e%252e/cart":     false,
		"/admin/..%5ccart":           false,
		`/admin/..\cart`:             false,
		"/admin/x%00":                false,
		"//admin/":                   false,
		"http://shop.example/admin/": true,
	} {
		x := Exclusion{Paths: []string{"/admin", "/api/product/"}}
		if got := x.holds(read(t, "POST "+target+" HTTP/1.1\r\nHost: shop.example\r\n\r\n")); got != want {
			t.Errorf("%s: %t, want %t", target, got, want)
		}
	}
	for header, want := range map[string]bool{
		"Content-Type: text/plain\r\n":                                             true,
		"Content-Type: Text/Plain; charset=utf-8\r\n":                              true,
		"Content-Type: text/html\r\n":                                              false,
		"Content-Type: text/plainer\r\n":                                           false,
		"Content-Type: text/plain\r\nContent-Type: application/x-www-form-url\r\n": false,
		"": false,
	} {
		x := Exclusion{ContentTypes: []string{"text/plain"}}
		if got := x.holds(read(t, "POST / HTTP/1.1\r\nHost: shop.example\r\n"+header+"\r\n")); got != want {
			t.Errorf("%q: %t, want %t", header, got, want)
		}
	}
}

// TestExclusionWords: what a Caddyfile says of exclusions.
func TestExclusionWords(t *testing.T) {
	for words, want := range map[string]string{
		"exclude 942100":                      "942100",
		"exclude 942100 ARGS:q":               "942100 ARGS:q",
		"exclude 942100 ARGS:/^Order/":        "942100 ARGS:/^Order/",
		"exclude 941100 ARGS:text /admin/ /b": "941100 ARGS:text /admin/ /b",
		"exclude attack-xss /admin/":          "attack-xss /admin/",
		"exclude 1 2 3":                       "error: needs a rule",
		"exclude /admin/":                     "error: needs a rule",
		"exclude 942100 NOTHING:q":            "error: nothing that rules look at",
		"preset off":                          "bare",
		"preset":                              "error: unless you write",
		"preset on":                           "error: unless you write",
		"preset off now":                      "error: unless you write",
	} {
		h, d := new(Handler), caddyfile.NewTestDispenser("waf {\n"+words+"\n}")
		d.Next()
		got := ""
		switch err := h.UnmarshalWord(d); {
		case err != nil:
			got = err.Error()
		case h.Bare:
			got = "bare"
		default:
			x := h.Exclusions[0]
			got = strings.Join(strings.Fields(x.Rule+" "+x.Target+" "+strings.Join(x.Paths, " ")), " ")
		}
		if fault, ok := strings.CutPrefix(want, "error: "); got != want && !(ok && strings.Contains(got, fault)) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	_, _, pattern, err := parseTarget("ARGS:/^Order/")
	if err != nil || !pattern.MatchString("orderremark") {
		t.Errorf("names are compared in lower case, and /^Order/ is not: %v", err)
	}
}

func read(t *testing.T, request string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
