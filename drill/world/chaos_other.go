//go:build !unix

package world

import (
	"context"
	"fmt"

	"github.com/theriac-edge/theriac/drill/scenario"
)

// stopShops fails: it needs signals.
func (w *World) stopShops() (repair func() error, err error) {
	return w.front.breakPart(context.Background(), scenario.StopShops)
}

// breakPart fails: it needs signals.
func (s *shield) breakPart(_ context.Context, what scenario.Break) (repair func() error, err error) {
	return nil, fmt.Errorf("chaos %q: not possible on this system", what)
}
