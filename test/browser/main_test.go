package browser

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure how long a visitor waits.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
