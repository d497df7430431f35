package waf

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// silent are the tests of the Core Rule Set's suite in which a mended rule does not fire,
// and why.
var silent = map[string]string{
	"922120-1": "8bit hides nothing; the parser of requests refuses base64 and quoted-printable",
}

// TestMendedRulesKeepTheSuite: in each test of the suite that is about a mended rule and in
// which that of the Core Rule Set fires, ours fires, too.
func TestMendedRulesKeepTheSuite(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stock := stockBench(t, b)
	for _, set := range append(mendedRules, changedRules...) {
		fired := 0
		for name, s := range suiteOf(t, set.rule) {
			if _, before := stock.refuses(s, nil); !firedRule(before, set.rule) {
				continue
			}
			fired++
			_, after := b.refuses(s, nil)
			if known := silent[name] != ""; firedRule(after, set.rule) == known {
				t.Errorf("%s: fired %t, and is known to be silent %t", name, !known, known)
			}
		}
		if fired == 0 {
			t.Errorf("%d: no test of the suite is about it", set.rule)
		}
	}
}

// suiteOf reads the requests of the suite's tests of a rule.
func suiteOf(t *testing.T, rule int) map[string]*sample {
	t.Helper()
	names, err := fs.Glob(tests.FS, fmt.Sprintf("*/%d.yaml", rule))
	if err != nil || len(names) != 1 {
		t.Fatalf("%d: files %v, %v", rule, names, err)
	}
	text, err := fs.ReadFile(tests.FS, names[0])
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tests []struct {
			ID     int `yaml:"test_id"`
			Stages []struct {
				Input struct {
					Method  string            `yaml:"method"`
					URI     string            `yaml:"uri"`
					Headers map[string]string `yaml:"headers"`
					Data    string            `yaml:"data"`
				} `yaml:"input"`
			} `yaml:"stages"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*sample)
	for _, test := range file.Tests {
		for _, stage := range test.Stages {
			in := stage.Input
			r := &http.Request{Method: in.Method, RequestURI: in.URI, Proto: "HTTP/1.1", Host: "localhost", RemoteAddr: "192.0.2.1:1", Header: make(http.Header)}
			for name, value := range in.Headers {
				r.Header.Set(name, value)
			}
			if in.Data != "" && r.Header.Get("Content-Type") == "" {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
				in.Data = strings.ReplaceAll(strings.ReplaceAll(in.Data, "\r\n", "\n"), "\n", "\r\n")
			}
			all[fmt.Sprintf("%d-%d", rule, test.ID)] = &sample{Request: r, body: []byte(in.Data)}
		}
	}
	return all
}
