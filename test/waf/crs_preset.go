package waf

import (
	"slices"
	"testing"
)

// crsLost are the tests of the suite in which a rule is silent because of the
// preset, and the exclusion that silences it.
var crsLost = map[string]string{
	"921110-6": "921150 ARGS_NAMES in text/plain: a body of several lines; 921110, which the test is about, still fires",
}

// checkPreset wants the same rules and statuses with the preset as without.
func checkPreset(t *testing.T, suite []crsTest, statuses, statusesPreset map[string]int, all map[string]fired) {
	met := make(map[string]bool)
	for i, test := range suite {
		same := true
		for j := range test.Stages {
			one, two := crsClient(http1, i, j), crsClient(withPreset, i, j)
			if got, want := statusesPreset[two], statuses[one]; got != want {
				t.Errorf("%s: status %d with the preset, and %d without", test.Name, got, want)
			}
			if slices.Equal(all[two].rules, all[one].rules) {
				continue
			}
			if same = false; crsLost[test.Name] == "" {
				t.Errorf("%s: with the preset fires %v, and without %v", test.Name, all[two].rules, all[one].rules)
			}
		}
		if met[test.Name] = true; same && crsLost[test.Name] != "" {
			t.Errorf("%s is the same with the preset; take it from crsLost", test.Name)
		}
	}
	for name := range crsLost {
		if !met[name] {
			t.Errorf("there is no test %s; take it from crsLost", name)
		}
	}
	if 100*len(crsLost) > len(suite) {
		t.Errorf("the preset changes %d of %d tests: more than one in a hundred", len(crsLost), len(suite))
	}
}
