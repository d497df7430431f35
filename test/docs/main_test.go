package docs

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the sessions show what a limit lets through.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
