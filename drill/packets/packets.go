// Package packets runs drills whose attacks are packets without a connection: SYN floods,
// reflection, carpet bombing.
//
// Everything happens in network namespaces of the drill's own: an internet, customers, and
// the host of the shops, on a link of bounded rate behind its network card. Nothing leaves
// them. In the shield a real scrubd protects the host; shops are reached directly, since an
// edge has no part in what never becomes a connection. In the black hole the internet
// null-routes an attacked shop, by routes. The namespaces end with the drill; those of one
// that was killed are removed by the next.
//
// It needs Linux, root, iproute2, and a kernel that runs scrubd; else Available says what
// is missing and what to try. What cannot be set up is an error: there is no report of half
// a drill.
package packets

import (
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// Options say what to run.
type Options struct {
	Kind     string // one of world.Kinds
	Scenario *scenario.Scenario
	Dir      string // of configurations and logs
	Scrubd   string // its binary

	// (optional) What a reader sees while it runs: called each second.
	Progress func(r *record.Recorder, at time.Duration)
}
