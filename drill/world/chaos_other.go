//go:build !unix

package world

import (
	"context"
	"fmt"

	"github.com/theriac-edge/theriac/drill/scenario"
)

// breakPart fails: it needs signals.
func (s *shield) breakPart(_ context.Context, what scenario.Break) (repair func() error, err error) {
	return nil, fmt.Errorf("chaos %q: not possible on this system", what)
}
