package theriac_test

import (
	"os"
	"slices"
	"testing"
)

// docRules hold the documentation to the code. docs_control_test.go shows that
// each can fail.
var docRules = slices.Concat(settledDocRules, []rule{
	{"import table", checkImportTable},
	{"names on the map", checkNamesOnMap},
	{"picture of a ban", checkBanPicture},
})

var settledDocRules = []rule{
	{"reasons", checkReasons},
	{"commands", checkCommands},
	{"benches", checkBenches},
	{"metrics", checkMetrics},
	{"fields of the admin API", checkAdminFields},
	{"policy options", checkPolicyOptions},
	{"routes", checkRoutes},
	{"examples of policy files", checkYAML},
	{"tables", checkTables},
	{"dependencies", checkDependencies},
	{"subdirectives", checkSubdirectives},
	{"JSON fields", checkJSON},
	{"short pages", checkShortPages},
	{"rooms", checkRooms},
}

// TestDocs holds the documentation to the code.
func TestDocs(t *testing.T) {
	r, err := read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range settledDocRules {
		t.Run(rule.name, func(t *testing.T) {
			for _, complaint := range rule.check(r) {
				t.Error(complaint)
			}
		})
	}
}
