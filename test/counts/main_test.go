package counts

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests count what waits at the moment.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
