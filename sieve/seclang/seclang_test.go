package seclang_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

func Example() {
	program, err := seclang.Read(nil, `
SecRule ARGS|!ARGS:password|&REQUEST_HEADERS:/^x-/ "@pm select union" \
    "id:1,phase:2,block,t:none,t:urlDecodeUni,msg:'SQL, perhaps',chain"
    SecRule MATCHED_VARS "!@rx ^\w+$" "setvar:'tx.score=+5'"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, link := range program.Rules[0].Links {
		fmt.Printf("%v %v %s %q %v\n", link.Targets, link.Negated, link.Operator, link.Argument, link.Transformations)
	}
	// Output:
	// [{ARGS { false} false [{password false}]} {REQUEST_HEADERS {^x- true} true []}] false pm "select union" [urldecodeuni]
	// [{MATCHED_VARS { false} false []}] true rx "^\\w+$" []
}

// one reads a program of one rule.
func one(t *testing.T, text string) *seclang.Rule {
	t.Helper()
	program, err := seclang.Read(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	if len(program.Rules) != 1 || len(program.Unknown) > 0 {
		t.Fatalf("%d rules, unknown %v", len(program.Rules), program.Unknown)
	}
	return program.Rules[0]
}

func TestTargets(t *testing.T) {
	for written, want := range map[string][]seclang.Target{
		"args":                      {{Variable: "ARGS"}},
		"&ARGS":                     {{Variable: "ARGS", Count: true}},
		"TX:1|REQUEST_URI":          {{Variable: "TX", Key: seclang.Key{Text: "1"}}, {Variable: "REQUEST_URI"}},
		"XML:/*|XML://@*":           {{Variable: "XML", Key: seclang.Key{Text: "/*"}}, {Variable: "XML", Key: seclang.Key{Text: "//@*"}}},
		`ARGS:/a|b\/c/|FILES`:       {{Variable: "ARGS", Key: seclang.Key{Text: `a|b\/c`, Pattern: true}}, {Variable: "FILES"}},
		"ARGS:'/^a b$/'":            {{Variable: "ARGS", Key: seclang.Key{Text: "^a b$", Pattern: true}}},
		"ARGS:'a'|FILES":            {{Variable: "ARGS", Key: seclang.Key{Text: "a"}}, {Variable: "FILES"}},
		"ARGS|FILES|!ARGS:/x/":      {{Variable: "ARGS", Except: []seclang.Key{{Text: "x", Pattern: true}}}, {Variable: "FILES"}},
		"!ARGS:x|ARGS":              {{Variable: "ARGS"}},
		"REQUEST_HEADERS:X.File|TX": {{Variable: "REQUEST_HEADERS", Key: seclang.Key{Text: "X.File"}}, {Variable: "TX"}},
	} {
		// A blank would end the variables.
		if written == "ARGS:'/^a b$/'" {
			written, want[0].Key.Text = `ARGS:'/^a\sb$/'`, `^a\sb$`
		}
		rule := one(t, `SecRule `+written+` "x" "id:1"`)
		if diff := cmp.Diff(rule.Links[0].Targets, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", written, diff)
		}
	}
}

func TestOperators(t *testing.T) {
	for written, want := range map[string]seclang.Link{
		`^a\"b$`:              {Operator: "rx", Argument: `^a"b$`},
		`!x`:                  {Operator: "rx", Argument: "x", Negated: true},
		`@detectSQLi`:         {Operator: "detectsqli"},
		`!@pmFromFile a.data`: {Operator: "pmfromfile", Argument: "a.data", Negated: true},
		`@rx \x5c\x5c\"`:      {Operator: "rx", Argument: `\x5c\x5c"`},
		`@rx a\\`:             {Operator: "rx", Argument: `a\\`},
	} {
		got := one(t, `SecRule ARGS "`+written+`" "id:1"`).Links[0]
		if got.Operator != want.Operator || got.Argument != want.Argument || got.Negated != want.Negated {
			t.Errorf("%s: got %q %q %v", written, got.Operator, got.Argument, got.Negated)
		}
	}
}

func TestActions(t *testing.T) {
	rule := one(t, `SecAction "id:7, phase:request,t:lowercase,t:none,T:urlDecodeUni,msg:'a, b: c',setvar:tx.a=1,setvar:'tx.b=%{tx.a}',nolog"`)
	want := []seclang.Action{{"id", "7"}, {"phase", "request"}, {"msg", "a, b: c"}, {"setvar", "tx.a=1"}, {"setvar", "tx.b=%{tx.a}"}, {"nolog", ""}}
	if diff := cmp.Diff(rule.Links[0].Actions, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if rule.ID != 7 || rule.Phase != 2 || fmt.Sprint(rule.Links[0].Transformations) != "[urldecodeuni]" || len(rule.Links[0].Targets) > 0 {
		t.Errorf("got %+v %+v", rule, rule.Links[0])
	}
}

func TestUpdates(t *testing.T) {
	program, err := seclang.Read(nil, `
SecRule ARGS "a" "id:1,tag:x"
SecRule ARGS "a" "id:2"
SecRule ARGS "a" "id:5"
SecRuleRemoveById 3-9 2
SecRuleUpdateTargetById 1 "!ARGS:q"
SecRuleUpdateTargetByTag "x" "XML://@*"
SecRuleUpdateActionById 1-4 "logdata:-"
SecRule ARGS "a" "id:2,tag:x"
SecRuleUpdateActionById 2 "deny"
SecMarker END
SecSomething On
SecDefaultAction "phase:1,log,pass"
SecDefaultAction "phase:2,pass,setvar:tx.a=1"
SecRuleEngine DetectionOnly`)
	if err != nil {
		t.Fatal(err)
	}
	rules := program.Rules
	want := []seclang.Target{{Variable: "ARGS", Except: []seclang.Key{{Text: "q"}}}, {Variable: "XML", Key: seclang.Key{Text: "//@*"}}}
	if diff := cmp.Diff(rules[0].Links[0].Targets, want); len(rules) != 3 || diff != "" {
		t.Errorf("%d rules (-got +want):\n%s", len(rules), diff)
	}
	if _, ok := rules[0].Links[0].Action("update"); ok {
		t.Error("a text for the log counts as an update")
	}
	if got, _ := rules[1].Links[0].Action("update"); got != "deny" {
		t.Errorf("an action that was added: got %q", got)
	}
	if rules[2].Marker != "END" || fmt.Sprint(program.Unknown) != "[{secsomething On} {secdefaultaction phase:2,pass,setvar:tx.a=1} {secruleengine DetectionOnly}]" {
		t.Errorf("got %q %v", rules[2].Marker, program.Unknown)
	}
}

// TestText: the text of a rule, which hashes are made of, changes with what a rule does
// and not with how it is written.
func TestText(t *testing.T) {
	rule := one(t, `SecRule ARGS "@rx a" "id:1,msg:'a'"`).Text
	if same := one(t, "SecRule  ARGS   \"@RX a\" \\\n# why\n\"id:1,\\\nmsg:'b',tag:c\"").Text; same != rule {
		t.Errorf("got %q and %q", rule, same)
	}
	for _, other := range []string{`SecRule ARGS "@rx b" "id:1"`, `SecRule ARGS:a "@rx a" "id:1"`, `SecRule ARGS "@rx a" "id:1,t:trim"`, `SecRule ARGS "@rx a" "id:1,pass"`} {
		if one(t, other).Text == rule {
			t.Errorf("%s has the text of another rule", other)
		}
	}
}

func TestErrors(t *testing.T) {
	root := fstest.MapFS{"loop.conf": {Data: []byte("Include loop.conf")}}
	for text, want := range map[string]string{
		`SecRule ARGS "a" "id:1,chain"`:                             "reading rules: rule 1 is chained to nothing",
		`SecRule ARGS "a"`:                                          "reading rules: line 1: a rule has no number",
		"SecAction \"id:1\"\nSecAction \"id:1\"":                    "reading rules: line 2: duplicate rule 1",
		`SecRule ARGS a "id:1"`:                                     `reading rules: line 1: an operator in quotation marks is missing in "ARGS a \"id:1\""`,
		`SecRule ARGS:/a "a" "id:1"`:                                `reading rules: line 1: an open pattern in "/a"`,
		`SecAction "id:1,phase:9"`:                                  `reading rules: line 1: unknown phase "9"`,
		"SecDataset a `":                                            "reading rules: line 1 opens a data set, which is not supported",
		"Include none.conf":                                         "reading rules: line 1: including none.conf: open none.conf: file does not exist",
		`SecRuleUpdateTargetById 1 2 "ARGS"`:                        `reading rules: line 1: want a number and what to update, not "1 2 \"ARGS\""`,
		`SecRuleRemoveById 9-1`:                                     `reading rules: line 1: want a number or a range of rules, not "9-1"`,
		"SecAction \"id:1\"\nSecRuleUpdateActionById 1 \",deny,,\"": `reading rules: line 2: an action without a name in ",deny,,"`,
	} {
		if _, err := seclang.Read(root, text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := seclang.Read(root, "Include loop.conf"); err == nil {
		t.Error("a file that includes itself is read for ever")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`SecRule ARGS|!ARGS:/a\/|b/|&TX:'c' "!@rx a\"b" "id:1,t:none,t:trim,msg:'a,b',chain"` + "\n" + `SecRule XML:/* "@x" ""`)
	f.Add("SecAction \"id:1\"\\\n# c\nSecRuleUpdateTargetById 1 \"!ARGS\"\nSecRuleRemoveById 1-2")
	f.Fuzz(func(t *testing.T, text string) {
		program, err := seclang.Read(nil, text)
		if err != nil {
			return
		}
		for _, rule := range program.Rules {
			if rule.Marker == "" && (rule.ID == 0 && rule.Text == "" || len(rule.Links) == 0) {
				t.Fatalf("a rule without links or text: %+v", rule)
			}
		}
	})
}
