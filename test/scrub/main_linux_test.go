package scrub

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure how many packets of a flood come through.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
