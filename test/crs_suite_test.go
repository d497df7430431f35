package test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// crsTest is one test of the regression suite of the Core Rule Set: requests,
// and what each must set off.
type crsTest struct {
	Name   string     `yaml:"-"` // as upstream writes it: rule-number
	Desc   string     `yaml:"desc"`
	ID     int        `yaml:"test_id"`
	Stages []crsStage `yaml:"stages"`
}

type crsStage struct {
	Input  crsInput  `yaml:"input"`
	Output crsOutput `yaml:"output"`
}

// crsInput is a request. What is left out has a default, which is not the same
// as what is empty.
type crsInput struct {
	Method         *string           `yaml:"method"`
	URI            *string           `yaml:"uri"`
	Version        *string           `yaml:"version"`
	Headers        map[string]string `yaml:"headers"`
	Data           string            `yaml:"data"`
	EncodedRequest string            `yaml:"encoded_request"`
	Autocomplete   *bool             `yaml:"autocomplete_headers"`

	// What follows says where to send it, which we know better.
	Address string `yaml:"dest_addr"`
	Port    int    `yaml:"port"`
}

// crsOutput is what a request must lead to.
type crsOutput struct {
	Status      int  `yaml:"status"`
	ExpectError bool `yaml:"expect_error"`
	RetryOnce   bool `yaml:"retry_once"` // of no use to us: we wait for the log
	Log         struct {
		Expect   []int  `yaml:"expect_ids"`
		NoExpect []int  `yaml:"no_expect_ids"`
		Match    string `yaml:"match_regex"`
		NoMatch  string `yaml:"no_match_regex"`
	} `yaml:"log"`
}

// readCRS reads the suite as it ships with the rules. A field that we do not
// know fails the test: it would be a demand that we do not hold the edge to.
func readCRS(t testing.TB) (suite []crsTest) {
	t.Helper()
	err := fs.WalkDir(tests.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			return err
		}
		var file struct {
			Meta, Author any

			Rule  int       `yaml:"rule_id"`
			Tests []crsTest `yaml:"tests"`
		}
		decoder := yaml.NewDecoder(strings.NewReader(string(text)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) { // 920539.yaml is empty
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, test := range file.Tests {
			test.Name = fmt.Sprintf("%d-%d", file.Rule, test.ID)
			suite = append(suite, test)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return suite
}
