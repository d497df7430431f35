package policyfile_test

import (
	"errors"
	"fmt"

	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// All that is wrong in a file is reported at once, each with its line.
func ExampleParse() {
	_, err := policyfile.Parse([]byte(`interfaces: [eth0]
policies:
  - name: shops
    protect: [203.0.113.10]
    tpc: [443]
    budgets:
      syn: 2000
`))
	wrong, _ := errors.AsType[policyfile.Errors](err)
	for _, e := range wrong {
		fmt.Printf("line %d: %v\n", e.Line, e)
	}
	// Output:
	// line 5: unrecognized setting "tpc"
	// line 7: invalid rate "2000": missing unit, want 20/s, 5/m, 100/h or 50/10s
}
