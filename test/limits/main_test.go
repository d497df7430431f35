package limits

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure what share of a limit each edge admits.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
