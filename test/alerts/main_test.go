package alerts

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests start edges.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
