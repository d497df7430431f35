package sieve_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/sieve"
)

// TestSilent: what may be taken out of a run in which some rules are open.
func TestSilent(t *testing.T) {
	const neutral = `SecAction "id:3,phase:1,pass,nolog,setvar:tx.a=1"` + "\n"
	for _, c := range []struct{ what, rules, open, want string }{
		{"all but the open one", simpleRules(1, 2, 4, 5), "[4]", "[{1 2} {5 5}] true"},
		{"one that always runs stays", simpleRules(1, 2) + neutral + simpleRules(4), "[]", "[{1 2} {4 4}] true"},
		{"another phase stays", simpleRules(1, 3) + `SecRule ARGS "@rx a" "id:2,phase:3"`, "[]", "[{1 1} {3 3}] true"},
		{"what skip counts stays", `SecRule ARGS "@rx a" "id:1,phase:2,deny,skip:1"` + "\n" + simpleRules(2, 3), "[]", "[{1 1} {3 3}] true"},
		{
			"a link that sets what another rule reads", `SecRule ARGS "@rx a" "id:1,phase:2,deny,setvar:tx.x=1,chain"` + "\n" + `SecRule ARGS "@rx b" ""` + "\n" +
				`SecRule TX:x "@eq 1" "id:2,phase:2,deny"`, "[2]", "[] true",
		},
		{
			"a link that sets what only its own rule reads", `SecRule ARGS "@rx a" "id:1,phase:2,deny,setvar:tx.x=1,chain"` + "\n" + `SecRule TX:x "@rx b" ""`,
			"[]", "[{1 1}] true",
		},
		{"a link that removes rules", `SecRule ARGS "@rx a" "id:1,phase:2,deny,ctl:ruleRemoveById=9,chain"` + "\n" + `SecRule ARGS "@rx b" ""`, "[]", "[] true"},
		{"an open rule reads what another has captured", simpleRules(1) + `SecRule TX:1 "@rx a" "id:2,phase:2,deny"`, "[2]", "[] false"},
		{"the same, but it is silent", simpleRules(1) + `SecRule TX:1 "@rx a" "id:2,phase:2,deny"`, "[1]", "[{2 2}] true"},
		{"it has captured by itself", simpleRules(1) + `SecRule ARGS "@rx (a)" "id:2,phase:2,deny,capture,chain"` + "\n" + `SecRule TX:1 "@rx a" ""`, "[2]", "[{1 1}] true"},
		{"it has captured less", simpleRules(1) + `SecRule ARGS "@rx (a)" "id:2,phase:2,deny,capture,chain"` + "\n" + `SecRule TX:2 "@rx a" ""`, "[2]", "[] false"},
		{"the last match of another rule", simpleRules(1) + `SecRule MATCHED_VAR "@rx a" "id:2,phase:2,deny"`, "[2]", "[] false"},
		{"a rule that always runs reads it", simpleRules(1) + `SecAction "id:2,phase:2,pass,nolog,setvar:tx.y=%{tx.0}"`, "[1]", "[] false"},
	} {
		var open []int
		for id := range strings.FieldsSeq(strings.Trim(c.open, "[]")) {
			open = append(open, int(id[0]-'0'))
		}
		ranges, ok := compile(t, c.rules).Silent(open, nil)
		if got := fmt.Sprint(ranges, ok); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

func simpleRules(ids ...int) string {
	var all strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&all, "SecRule ARGS \"@rx %d\" \"id:%d,phase:2,deny\"\n", id, id)
	}
	return all.String()
}

// TestExclusions: they close a rule only where Coraza would not inspect the value, and open
// one that counts values, or that is not skipped any more.
func TestExclusions(t *testing.T) {
	const attack = `SecRule ARGS|ARGS_NAMES "@rx attack" "id:1,phase:2,deny"`
	target := func(variable, name, pattern string) func(*sieve.Exclusions) {
		var compiled *regexp.Regexp
		if pattern != "" {
			compiled = regexp.MustCompile(pattern)
		}
		return func(e *sieve.Exclusions) { e.Target(1, variable, name, compiled) }
	}
	for _, c := range []struct {
		what, rules, request string
		exclude              func(*sieve.Exclusions)
		want                 string
	}{
		{"nothing", attack, "q=attack", nil, "[1]"},
		{"the rule", attack, "q=attack", func(e *sieve.Exclusions) { e.Rule(1) }, "[]"},
		{"another rule", attack, "q=attack", func(e *sieve.Exclusions) { e.Rule(2) }, "[1]"},
		{"the field", attack, "Q=attack", target("ARGS", "q", ""), "[]"},
		{"the fields with a pattern", attack, "q1=attack&q2=attack", target("ARGS", "", `^q\d$`), "[]"},
		{"one of two", attack, "q=attack&r=attack", target("ARGS", "q", ""), "[1]"},
		{"another variable", attack, "q=attack", target("REQUEST_COOKIES", "q", ""), "[1]"},
		{"the field but not its name", attack, "attack=attack", target("ARGS", "attack", ""), "[1]"},
		{"all fields", attack, "q=attack", target("ARGS", "", ""), "[]"},
		{"a link of a chain", `SecRule REQUEST_METHOD "@unconditionalMatch" "id:1,phase:2,deny,chain"` + "\n" + `SecRule ARGS "@rx attack" ""`, "q=attack&GET: ", target("ARGS", "q", ""), "[]"},
		{"a field that is counted", `SecRule &ARGS:q "@eq 0" "id:1,phase:2,deny"`, "q=1", target("ARGS", "q", ""), "[1]"},
		{"none that is counted", `SecRule &ARGS:q "@eq 0" "id:1,phase:2,deny"`, "q=1", nil, "[]"},
	} {
		s := compile(t, c.rules)
		settings, err := s.Settings(sieve.Setup{Exclude: []int{1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		all := append(values(c.request), sieve.Value{Variable: sieve.RequestMethod, Text: "GET"})
		for range 2 { // the second must not see what the first has excluded
			if got := fmt.Sprint(s.Open(&sieve.Request{Settings: settings, Values: all, Exclude: c.exclude}, nil)); got != c.want {
				t.Errorf("%s: got %s, want %s", c.what, got, c.want)
			}
		}
	}
}

// TestSetup: rules that a shop excludes may have others run, and variables that differ from
// request to request are not known.
func TestSetup(t *testing.T) {
	s := compile(t, `
SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=1"
SecRule TX:level "@lt 2" "id:2,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@rx a" "id:3,phase:2,deny"
SecMarker END
SecRule TX:type "@streq a" "id:4,phase:2,deny"`)
	for _, c := range []struct {
		setup sieve.Setup
		want  string
	}{
		{sieve.Setup{TX: map[string]string{"type": "b"}}, "[]"},
		{sieve.Setup{TX: map[string]string{"type": "b"}, Exclude: []int{2}}, "[3]"},
		{sieve.Setup{TX: map[string]string{"type": "b"}, Exclude: []int{3}}, "[]"},
		{sieve.Setup{TX: map[string]string{"type": "b"}, Vary: []string{"type"}}, "[4]"},
	} {
		settings, err := s.Settings(c.setup)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Open(&sieve.Request{Settings: settings, Values: values("q=a")}, nil)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.setup, got, c.want)
		}
	}
	for want, setup := range map[string]sieve.Setup{
		"excluding rule 1: it sets variables that other rules read":                        {Exclude: []int{1}},
		"setting tx.inbound_anomaly_score_threshold: it must be the same for all requests": {Vary: []string{"inbound_anomaly_score_threshold"}},
	} {
		if _, err := s.Settings(setup); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
