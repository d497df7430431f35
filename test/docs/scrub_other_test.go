//go:build !linux

package docs

import (
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// scrubHost ends the test: scrubd runs on Linux only.
func scrubHost(t *testing.T) *machine {
	t.Helper()
	need.BPF(t)
	return nil
}
