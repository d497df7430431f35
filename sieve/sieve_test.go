package sieve_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/theriac-edge/theriac/sieve"
	"github.com/theriac-edge/theriac/sieve/seclang"
)

func Example() {
	program, err := seclang.Read(nil, `
SecRule ARGS "@rx (?i)union\s+select" "id:1,phase:2,deny,t:none,t:urlDecodeUni"
SecRule ARGS|REQUEST_HEADERS "@pm <script javascript:" "id:2,phase:2,deny,t:none,t:lowercase"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := sieve.Compile(nil, program)
	if err != nil {
		fmt.Println(err)
		return
	}
	settings, err := s.Settings(sieve.Setup{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"Ibuprofen 400", "1 union%20select 2"} {
		fmt.Println(s.Open(&sieve.Request{Settings: settings, Values: []sieve.Value{{Variable: sieve.ArgsGet, Name: "q", Text: text}}}, nil))
	}
	// Output:
	// []
	// [1]
}

func compile(t testing.TB, text string) *sieve.Sieve {
	t.Helper()
	root := fstest.MapFS{"list.data": {Data: []byte("# words\n/etc/passwd\n\n.git\n")}}
	program, err := seclang.Read(root, text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sieve.Compile(root, program)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// values reads arguments as a=b&c=d, and headers and the line of a request from A: b.
func values(text string) (all []sieve.Value) {
	for field := range strings.SplitSeq(text, "&") {
		name, value, isField := strings.Cut(field, "=")
		if isField {
			all = append(all, sieve.Value{Variable: sieve.ArgsPost, Name: name, Text: value})
			continue
		}
		if name, value, isHeader := strings.Cut(field, ": "); isHeader {
			all = append(all, sieve.Value{Variable: sieve.RequestHeaders, Name: name, Text: value})
		}
	}
	return append(all, sieve.Value{Variable: sieve.RequestMethod, Text: "POST"})
}

func TestOpen(t *testing.T) {
	for _, c := range []struct{ what, rules, request, want string }{
		{"a value", `SecRule ARGS "@rx b" "id:1"`, "x=abc", "[1]"},
		{"another value", `SecRule ARGS "@rx b" "id:1"`, "x=ac", "[]"},
		{"a key", `SecRule ARGS:q "@rx b" "id:1"`, "x=b&y=b", "[]"},
		{"a key in another case", `SecRule ARGS:q "@rx b" "id:1"`, "Q=b", "[1]"},
		{"a pattern", `SecRule ARGS:/^q/ "@rx b" "id:1"`, "q1=b", "[1]"},
		{"an exclusion", `SecRule ARGS|!ARGS:/^q/|!ARGS:z "@rx b" "id:1"`, "q1=b&Z=b", "[]"},
		{"names", `SecRule ARGS_NAMES "@streq b" "id:1"`, "b=a", "[1]"},
		{"a count", `SecRule &ARGS "@gt 1" "id:1"`, "a=&b=", "[1]"},
		{"a lower count", `SecRule &ARGS "@gt 1" "id:1"`, "a=", "[]"},
		{"no such header", `SecRule &REQUEST_HEADERS:Host "@eq 0" "id:1"`, "Accept: */*", "[1]"},
		{"that header", `SecRule &REQUEST_HEADERS:Host "@eq 0" "id:1"`, "host: x", "[]"},
		{"transformations in order", `SecRule ARGS "@streq <b>" "id:1,t:none,t:urlDecodeUni,t:lowercase"`, "a=%3CB>", "[1]"},
		{"each step", `SecRule ARGS "@streq %3cb>" "id:1,t:none,t:lowercase,t:urlDecodeUni,multiMatch"`, "a=%3CB>", "[1]"},
		{"negation", `SecRule ARGS "!@rx ^\d+$" "id:1"`, "a=1&b=2", "[]"},
		{"negation of one", `SecRule ARGS "!@rx ^\d+$" "id:1"`, "a=1&b=x", "[1]"},
		{"a file", `SecRule ARGS "@pmFromFile list.data" "id:1"`, "a=x/ETC/passwd", "[1]"},
		{"not in the file", `SecRule ARGS "@pmFromFile list.data" "id:1"`, "a=# words", "[]"},
		{"bytes", `SecRule ARGS "@validateByteRange 32-126" "id:1"`, "a=ä", "[1]"},
		{"SQL", `SecRule ARGS "@detectSQLi" "id:1"`, "a=1' or '1'='1", "[1]"},
		{"a script", `SecRule ARGS "@detectXSS" "id:1"`, "a=<script>", "[1]"},
		{"neither", `SecRule ARGS "@detectXSS" "id:1"` + "\n" + `SecRule ARGS "@detectSQLi" "id:2"`, "a=Ibuprofen", "[]"},

		{"a chain on the same value", `SecRule ARGS "@rx a" "id:1,chain"` + "\n" + `SecRule MATCHED_VARS "@rx b" ""`, "x=a&y=b", "[]"},
		{"a chain that holds", `SecRule ARGS "@rx a" "id:1,chain"` + "\n" + `SecRule MATCHED_VARS "@rx b" ""`, "x=a&y=ab", "[1]"},
		{"a third link sees what the first has matched", `SecRule ARGS "@rx a" "id:1,chain"` + "\n" + `SecRule MATCHED_VARS "@rx b" "chain"` + "\n" + `SecRule MATCHED_VARS "@rx c" ""`, "x=ab&y=ac", "[1]"},
		{"a chain on something else", `SecRule ARGS "@rx a" "id:1,chain"` + "\n" + `SecRule REQUEST_METHOD "@streq GET" ""`, "x=a", "[]"},
		{"a group", `SecRule REQUEST_HEADERS:Content-Type "@rx ^[^;]+" "id:1,capture,setvar:'tx.type=|%{tx.0}|',chain"` + "\n" + `SecRule TX:type "!@within %{tx.types}" "t:lowercase"`, "Content-Type: Text/XML; a", "[]"},
		{"a group that is not allowed", `SecRule REQUEST_HEADERS:Content-Type "@rx ^[^;]+" "id:1,capture,setvar:'tx.type=|%{tx.0}|',chain"` + "\n" + `SecRule TX:type "!@within %{tx.types}" "t:lowercase"`, "Content-Type: text/x", "[1]"},
		{"names of variables", `SecRule ARGS_NAMES "@rx ^.*$" "id:1,capture,setvar:'tx.arg_%{tx.0}=/%{tx.0}/',chain"` + "\n" + `SecRule TX:/^arg_/ "@within /a/ /b/" ""`, "c=&d=", "[]"},
		{"one of the names", `SecRule ARGS_NAMES "@rx ^.*$" "id:1,capture,setvar:'tx.arg_%{tx.0}=/%{tx.0}/',chain"` + "\n" + `SecRule TX:/^arg_/ "@within /a/ /b/" ""`, "c=&b=", "[1]"},

		{"a setting", `SecRule TX:x "@eq 1" "id:1,deny"`, "", "[]"},
		{"a variable that nobody sets", `SecRule &TX:x "@eq 0" "id:1,deny"`, "", "[1]"},
		{"a variable that a rule sets", `SecRule ARGS "@rx a" "id:1,pass,nolog,setvar:tx.x=1"` + "\n" + `SecRule TX:x "@eq 7" "id:2,deny"`, "", "[2]"},
		{"a pattern of variables that no rule sets here", `SecRule ARGS "@rx a" "id:1,pass,nolog,setvar:tx.x=1"` + "\n" + `SecRule TX:/^x/ "@eq 1" "id:2,deny"`, "a=b", "[]"},
		{"a pattern of variables that a rule sets here", `SecRule ARGS "@rx a" "id:1,pass,nolog,setvar:tx.x=1"` + "\n" + `SecRule TX:/^x/ "@eq 1" "id:2,deny"`, "a=a", "[2]"},
		{"rules that set what the other reads", `SecRule TX:/a/ "@eq 1" "id:1,deny,setvar:tx.b_%{tx.0}=1"` + "\n" + `SecRule TX:/b/ "@eq 1" "id:2,deny,setvar:tx.a_%{tx.0}=1"`, "", "[1 2]"},
		{"the last match of another rule", `SecRule ARGS "@rx a" "id:1"` + "\n" + `SecRule MATCHED_VAR "@rx a" "id:2"`, "", "[2]"},
		{"a variable that the link itself sets", `SecRule TX:type "@streq 2" "id:1,setvar:tx.type=2"`, "", "[1]"},
		{"a sum", `SecRule ARGS_NAMES "@rx ." "id:1,pass,nolog,setvar:'TX.n_%{MATCHED_VAR_NAME}=+1'"` + "\n" + `SecRule TX:/n_.*/ "@gt 1" "id:2,deny"`, "a=1&b=2", "[]"},
		{"a higher sum", `SecRule ARGS_NAMES "@rx ." "id:1,pass,nolog,setvar:'TX.n_%{MATCHED_VAR_NAME}=+1'"` + "\n" + `SecRule TX:/n_.*/ "@gt 1" "id:2,deny"`, "a=1&A=2", "[2]"},
		{"a group of another rule", `SecRule TX:1 "@eq 7" "id:2,deny"`, "", "[2]"},
		{"skipped", `SecRule TX:level "@lt 2" "id:1,phase:2,pass,nolog,skipAfter:END"` + "\n" + `SecRule ARGS "@rx a" "id:2"` + "\nSecMarker END\n" + `SecRule ARGS "@rx a" "id:3"`, "a=a", "[3]"},
		{"not skipped for certain", `SecRule ARGS "@rx z" "id:1,phase:2,pass,nolog,skipAfter:END"` + "\n" + `SecRule ARGS "@rx a" "id:2"` + "\nSecMarker END", "a=a", "[2]"},

		{"an action", `SecRule ARGS "@rx b" "id:1,allow"`, "", "[1]"},
		{"a control", `SecRule ARGS "@rx b" "id:1,ctl:ruleEngine=Off"`, "", "[1]"},
		{"an operator", `SecRule ARGS "@rbl b" "id:1"`, "", "[1]"},
		{"a transformation", `SecRule ARGS "@rx b" "id:1,t:md5"`, "", "[1]"},
		{"a variable", `SecRule GEO "@rx b" "id:1"`, "", "[1]"},
		{"a variable that is missing", `SecRule REQUEST_URI "@rx b" "id:1"`, "", "[1]"},
		{"a reference", `SecRule ARGS "@streq %{ip.x}" "id:1"`, "a=b", "[1]"},
		{"an empty word", `SecRule ARGS "@pm a  b" "id:1"`, "x=y", "[1]"},
		{"another phase", `SecRule ARGS "@rx a" "id:1,phase:3"`, "a=a", "[]"},
	} {
		s := compile(t, c.rules)
		settings, err := s.Settings(sieve.Setup{TX: map[string]string{"types": "|text/xml|", "level": "1"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Open(&sieve.Request{Settings: settings, Values: values(c.request)}, nil)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

func TestSettings(t *testing.T) {
	s := compile(t, `
SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1,setvar:tx.inbound_anomaly_score_pl1=0"
SecRule &TX:b "@eq 0" "id:2,phase:1,pass,nolog,setvar:tx.b=%{tx.a}"
SecRule TX:b "@eq 1" "id:3,phase:1,deny"
SecRule &TX:c "@eq 0" "id:4,phase:1,deny"`)
	for tx, want := range map[string]string{"x=0": "[3 4]", "b=2": "[4]", "c=": "[3]"} {
		name, value, _ := strings.Cut(tx, "=")
		settings, err := s.Settings(sieve.Setup{TX: map[string]string{name: value}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Open(&sieve.Request{Settings: settings}, nil)); got != want {
			t.Errorf("tx.%s: got %s, want %s", tx, got, want)
		}
	}
	for tx, want := range map[string]string{
		"B=1":                               "setting tx.B: want the name in small letters",
		"blocking_inbound_anomaly_score=3":  `setting tx.blocking_inbound_anomaly_score to "3": a request must begin with a score of 0`,
		"inbound_anomaly_score_threshold=0": `setting tx.inbound_anomaly_score_threshold to "0": want at least 1`,
	} {
		name, value, _ := strings.Cut(tx, "=")
		if _, err := s.Settings(sieve.Setup{TX: map[string]string{name: value}}); err == nil || err.Error() != want {
			t.Errorf("tx.%s: got %v, want %s", tx, err, want)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	program, err := seclang.Read(nil, "SecRuleEngine DetectionOnly")
	if err != nil {
		t.Fatal(err)
	}
	want := "compiling the sieve: directive secruleengine may change what rules do"
	if _, err := sieve.Compile(nil, program); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestConcurrent asks one sieve from many goroutines, and then whether it has kept anything.
func TestConcurrent(t *testing.T) {
	s := compile(t, `SecRule ARGS "@rx (?i)\bunion\b.*select" "id:1,t:urlDecodeUni"`+"\n"+`SecRule ARGS_NAMES|REQUEST_HEADERS "@pm ../ javascript" "id:2,t:lowercase,multiMatch"`)
	settings, err := s.Settings(sieve.Setup{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 300 {
				text, want := "plain", []int(nil)
				if (i+j)%3 == 0 {
					text, want = "%75nion "+strings.Repeat("x", j)+" select", []int{1}
				}
				if got := s.Open(&sieve.Request{Settings: settings, Values: values("a=" + text)}, nil); !slices.Equal(got, want) {
					t.Errorf("%q: got %v", text, got)
				}
			}
		})
	}
	all.Wait()
}
