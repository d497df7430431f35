package theriac_test

import (
	"os"
	"testing"
)

// docRules hold the documentation to the code. docs_control_test.go shows that
// each can fail.
var docRules = []rule{
	{"metrics", checkMetrics},
	{"reasons", checkReasons},
	{"policy options", checkPolicyOptions},
	{"examples of policy files", checkYAML},
	{"routes", checkRoutes},
	{"fields of the admin API", checkAdminFields},
	{"commands", checkCommands},
	{"subdirectives", checkSubdirectives},
	{"JSON fields", checkJSON},
	{"dependencies", checkDependencies},
	{"benches", checkBenches},
	{"tables", checkTables},
	{"short pages", checkShortPages},
	{"rooms", checkRooms},
	{"import table", checkImportTable},
	{"names on the map", checkNamesOnMap},
	{"picture of a ban", checkBanPicture},
}

// TestDocs holds the documentation to the code.
func TestDocs(t *testing.T) {
	r, err := read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range docRules {
		t.Run(rule.name, func(t *testing.T) {
			for _, complaint := range rule.check(r) {
				t.Error(complaint)
			}
		})
	}
}
