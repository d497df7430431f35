package waf

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure CPU time.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
