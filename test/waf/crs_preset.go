package waf

import (
	"slices"
	"testing"
)

// crsLost are the tests of the suite in which a rule is silent because of the
// preset, and the exclusion that silences it.
var crsLost = lostBy(map[string][]string{
	"920340 and 920640: a body without a type": {
		"920171-1", "920171-2", "920171-3", "920340-1", "920640-1", "920640-6", "920640-7", "920640-8", "920640-10",
	},
	"920450: Content-Range, of uploads in pieces": {"920450-1", "920451-2", "920660-23"},
	"920470 and 921421: parameters of Content-Type; outside of shadow mode the parser refuses what is none": {
		"920470-1", "920470-2", "920470-12", "920470-17", "920640-4", "921421-1", "921421-2", "921421-3", "921421-4", "921421-5",
		"921422-1", "921422-2", "921422-3", "921422-4",
	},
})

func lostBy(reasons map[string][]string) map[string]string {
	lost := make(map[string]string)
	for reason, tests := range reasons {
		for _, test := range tests {
			lost[test] = reason
		}
	}
	return lost
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
