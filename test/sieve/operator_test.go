package sieve

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/theriac-edge/theriac/sieve"
	"github.com/theriac-edge/theriac/sieve/seclang"
)

// spelled is how Coraza wants the names of operators.
var spelled = strings.NewReplacer("beginswith", "beginsWith", "endswith", "endsWith", "pmfromfile", "pmFromFile", "detectsqli", "detectSQLi", "detectxss", "detectXSS",
	"ipmatch", "ipMatch", "unconditionalmatch", "unconditionalMatch", "rxpair", "rxPair",
	"validatebyterange", "validateByteRange", "validateurlencoding", "validateUrlEncoding", "validateutf8encoding", "validateUtf8Encoding")

// operators are those of all rules, each as a rule with the number 1 on arguments.
func operators(t testing.TB) (all []string) {
	t.Helper()
	program, err := seclang.Read(coreruleset.FS, ruleText(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range program.Rules {
		for _, link := range rule.Links {
			arg := strings.ReplaceAll(link.Argument, `"`, `\"`)
			if link.Operator == "pmfromfile" {
				arg = path.Join(rule.Dir, arg)
			}
			if rule.Phase > 2 || link.Operator == "" || strings.Contains(arg, "%{") {
				continue
			}
			not := ""
			if link.Negated {
				not = "!"
			}
			all = append(all, fmt.Sprintf(`SecRule ARGS_GET "%s@%s %s" "id:1,phase:1,pass,log,t:none"`, not, spelled.Replace(link.Operator), arg))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// openedBy is the sieve for one rule: whether an argument opens it.
func openedBy(t testing.TB, rule string) func(value string) bool {
	t.Helper()
	program, err := seclang.Read(coreruleset.FS, rule)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sieve.Compile(coreruleset.FS, program)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := s.Settings(sieve.Setup{})
	if err != nil {
		t.Fatal(err)
	}
	return func(value string) bool {
		values := []sieve.Value{{Variable: sieve.ArgsGet, Name: "v", Text: value}}
		return len(s.Open(&sieve.Request{Settings: settings, Values: values}, nil)) > 0
	}
}

// TestOperatorsDiffer is the control: another expression is seen.
func TestOperatorsDiffer(t *testing.T) {
	engine := newOneRule(t, `SecRule ARGS_GET "@rx union\s" "id:1,phase:1,pass"`)
	opens := openedBy(t, `SecRule ARGS_GET "@rx union" "id:1,phase:1,pass"`)
	if opens("union") == (len(engine.matches("union")) > 0) || opens("union ") != (len(engine.matches("union ")) > 0) {
		t.Error("two expressions look alike")
	}
}

// TestOperators: an operator matches a value exactly if Coraza's does.
func TestOperators(t *testing.T) {
	values := slices.Clone(odd)
	for _, s := range append(suite(t), corpus(t)...) {
		if s.table == nil {
			continue
		}
		for _, v := range s.table.Values {
			if len(v.Text) < 500 {
				values = append(values, v.Text)
			}
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	n := 4
	if *all {
		n = 3000
	}
	random := rand.New(rand.NewPCG(3, 4))
	matched, checks := 0, 0
	for _, rule := range operators(t) {
		engine, opens := newOneRule(t, rule), openedBy(t, rule)
		for range n {
			value := values[random.IntN(len(values))]
			if random.IntN(3) == 0 {
				value += text(random)
			}
			want := len(engine.matches(value)) > 0
			if opens(value) != want {
				t.Fatalf("%.300s\nof %q: got %v", rule, value, !want)
			}
			checks++
			if want {
				matched++
			}
		}
	}
	t.Logf("%d checks, of which %d match", checks, matched)
	if matched < 30 || matched == checks {
		t.Errorf("%d of %d match: that says little", matched, checks)
	}
}
