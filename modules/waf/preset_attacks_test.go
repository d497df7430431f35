//go:build !race

package waf

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/test/crs"
	"github.com/theriac-edge/theriac/test/need"
)

// TestPresetKeepsAttacks sends the attacks of the regression suite in the
// fields that the preset looks at less closely: it bounds what that costs.
func TestPresetKeepsAttacks(t *testing.T) {
	need.Time(t)
	t.Parallel()
	b := newBench(t)
	in := func(field, attack string) *sample {
		body := url.Values{field: {attack}}.Encode()
		r := read(t, "POST /account HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		return &sample{Request: r, body: []byte(body)}
	}
	attacks := slices.DeleteFunc(attacksOfSuite(t), func(attack string) bool {
		refused, _ := b.refuses(in("x", attack), nil)
		return !refused
	})
	if len(attacks) < 1200 {
		t.Fatalf("only %d attacks: the suite is not read as it is written", len(attacks))
	}
	for field, percent := range map[string]int{
		"x":         0,
		"q":         2, // command lines that begin with a program
		"firstname": 0,
		"comment":   1, // the same
		"thumbnail": 0,
		"password":  17, // what libinjection takes for a script or for SQL
	} {
		lost := 0
		for _, attack := range attacks {
			if refused, _ := b.refuses(in(field, attack), b.preset); !refused {
				lost++
			}
		}
		t.Logf("%s: %d of %d pass", field, lost, len(attacks))
		if 100*lost > percent*len(attacks) {
			t.Errorf("%s: %d of %d attacks pass because of the preset, more than %d %%", field, lost, len(attacks), percent)
		}
	}
}

// attacksOfSuite are the values of the suite's requests with a single field.
func attacksOfSuite(t *testing.T) (attacks []string) {
	t.Helper()
	crs.Files(t, func(_ string, text []byte) error {
		var file struct {
			Tests []struct {
				Stages []struct {
					Input struct {
						Method string `yaml:"method"`
						URI    string `yaml:"uri"`
						Data   string `yaml:"data"`
					} `yaml:"input"`
				} `yaml:"stages"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return err
		}
		for _, test := range file.Tests {
			for _, stage := range test.Stages {
				query := stage.Input.Data
				if stage.Input.Method == http.MethodGet {
					_, query, _ = strings.Cut(stage.Input.URI, "?")
				}
				fields, err := url.ParseQuery(query)
				if err != nil || len(fields) != 1 {
					continue
				}
				for _, values := range fields {
					attacks = append(attacks, values[0])
				}
			}
		}
		return nil
	})
	slices.Sort(attacks)
	return slices.Compact(attacks)
}
