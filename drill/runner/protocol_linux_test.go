package runner

import (
	"testing"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/test/need"
)

// connections are attacks on connections of a shop that bears few, all at the same time.
const connections = `
name: connections
for: 6s
shops: [{name: loewen, page_time: 20ms, queue: 10, patience: 500ms, connections: 40}, {name: sonnen, connections: 40}]
customers: {arrive: 2/s, think: 200ms, buy: 30%}
waves:
  - {name: headers, at: 1s, for: 4s, shop: loewen, vector: slow-headers, connections: 60, rate: 60/s, from: 60}
  - {name: bodies, at: 1s, for: 4s, shop: loewen, vector: slow-bodies, connections: 60, rate: 60/s, from: 60}
  - {name: resets, at: 1s, for: 4s, shop: loewen, vector: rapid-reset, connections: 5, rate: 300/s, from: 5}
  - {name: continuations, at: 1s, for: 4s, shop: loewen, vector: continuation, connections: 5, rate: 200/s, from: 5}
  - {name: handshakes, at: 1s, for: 4s, shop: loewen, vector: handshakes, connections: 60, rate: 60/s, from: 60}
  - {name: sockets, at: 1s, for: 4s, shop: loewen, vector: websockets, connections: 30, rate: 30/s, from: 30}
  - {name: quic, at: 1s, for: 4s, shop: loewen, vector: quic, connections: 20, rate: 20/s, from: 20}
targets: {success: 97%, lost: 0, doubled: 0}
`

// No shop starves: not the attacked one, and not its neighbour. Without protection the
// attacked one does, which is the control.
func TestAttacksOnConnections(t *testing.T) {
	need.Time(t)
	d := drillOf(t, connections)
	for _, kind := range []string{world.Nothing, world.Shield} {
		run, err := d.In(t.Context(), kind)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		attacked, quiet := run.Shops[0], run.Shops[1]
		during := part(attacked, 1, 5)
		t.Logf("%s: attacked %.2f, quiet %.2f; %+v", kind, during, part(quiet, 0, 6), run.Generator)
		for _, w := range run.Waves {
			t.Logf("%s: %s: %v", kind, w.Name, w.Got)
			if came := w.Sent - w.Got[record.Unanswered]; kind == world.Shield && came == 0 {
				t.Errorf("%s did not come to the edges: this proves nothing", w.Name)
			}
		}
		for _, v := range run.Verdicts {
			if !v.Met {
				t.Errorf("missed %s", v)
			}
		}
		if kind == world.Nothing && during > 0.8 {
			t.Errorf("%.2f of the pages are good without protection: the attack does nothing", during)
		}
	}
}
