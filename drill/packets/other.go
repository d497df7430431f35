//go:build !linux

package packets

import (
	"context"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/hint"
)

// Available returns why a drill of packets cannot run here.
func Available() error {
	return hint.Errorf("a virtual machine with Linux", "running a drill of packets: it needs Linux")
}

// In runs the scenario in a world.
func In(context.Context, Options) (*record.Run, error) { return nil, Available() }
