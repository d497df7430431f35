package bans

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure how soon other edges know of a ban.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}
