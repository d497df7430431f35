package waf

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestCoreRuleSet runs the regression suite of the Core Rule Set against the
// edge as it ships. Over HTTP/1.1 each test passes, or does what crsExceptions
// says of it; over HTTP/2 the same rules fire, and with the preset all but what
// crsLost names.
func TestCoreRuleSet(t *testing.T) {
	need.Time(t)
	e := startCRS(t)
	suite := readCRS(t)
	statuses := e.overHTTP1(t, http1, suite)
	statusesPreset := e.overHTTP1(t, withPreset, suite)
	statuses2 := e.overHTTP2(t, suite)
	all := e.fired(t)
	t.Run("HTTP/1.1", func(t *testing.T) { checkHTTP1(t, suite, statuses, all) })
	t.Run("preset", func(t *testing.T) { checkPreset(t, suite, statuses, statusesPreset, all) })
	t.Run("HTTP/2", func(t *testing.T) { checkHTTP2(t, suite, statuses, statuses2, all) })
}

func checkHTTP1(t *testing.T, suite []crsTest, statuses map[string]int, all map[string]fired) {
	passed, met := 0, make(map[string]bool)
	for i, test := range suite {
		exception, known := crsExceptions[test.Name]
		met[test.Name] = known
		ok := !exception.lost
		for j, stage := range test.Stages {
			client := crsClient(http1, i, j)
			written := stage.Output.complaint(statuses[client], all[client])
			want := stage.Output
			if known {
				want = exception.output()
			}
			switch complaint := want.complaint(statuses[client], all[client]); {
			case complaint != "":
				t.Errorf("%s: %s", test.Name, complaint)
				ok = false
			case known && written == "":
				t.Errorf("%s passes as it is written; take it from crsExceptions", test.Name)
			}
		}
		if ok {
			passed++
		}
	}
	for name := range crsExceptions {
		if !met[name] {
			t.Errorf("there is no test %s; take it from crsExceptions", name)
		}
	}
	if passed != 4670 || len(suite) != 4674 {
		t.Errorf("%d of %d tests pass, want 4670 of 4674", passed, len(suite))
	}
}

// TestCRSComplains shows that a test of the suite can fail.
func TestCRSComplains(t *testing.T) {
	got := fired{rules: []int{920100, 942100}, lines: `[id "942100"] [msg "SQL"]`}
	log := func(change func(*crsOutput)) (want crsOutput) {
		change(&want)
		return want
	}
	for name, test := range map[string]struct {
		want   crsOutput
		status int
		ok     bool
	}{
		"a rule that fired":            {log(func(o *crsOutput) { o.Log.Expect = []int{942100} }), 200, true},
		"a rule that did not":          {log(func(o *crsOutput) { o.Log.Expect = []int{942100, 942110} }), 200, false},
		"a rule that must not fire":    {log(func(o *crsOutput) { o.Log.NoExpect = []int{920100} }), 200, false},
		"one that did not, rightly":    {log(func(o *crsOutput) { o.Log.NoExpect = []int{942110} }), 200, true},
		"a text that was said":         {log(func(o *crsOutput) { o.Log.Match = `942100.*SQL` }), 200, true},
		"a text that was not":          {log(func(o *crsOutput) { o.Log.Match = `XSS` }), 200, false},
		"a text that must not be":      {log(func(o *crsOutput) { o.Log.NoMatch = `SQL` }), 200, false},
		"a status":                     {log(func(o *crsOutput) { o.Status = 400 }), 400, true},
		"another status":               {log(func(o *crsOutput) { o.Status = 400 }), 200, false},
		"an answer where none must be": {log(func(o *crsOutput) { o.ExpectError = true }), 400, false},
	} {
		if got := test.want.complaint(test.status, got); (got == "") != test.ok {
			t.Errorf("%s: complaint %q", name, got)
		}
	}
}
