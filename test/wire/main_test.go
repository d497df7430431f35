package wire

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests wait for what does not come.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
