package process

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure how an edge reloads under load.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
