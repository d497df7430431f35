package challenge

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure what a flood gets through.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
