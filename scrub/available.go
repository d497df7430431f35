//go:build linux

package scrub

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
)

// Available says why this process cannot load XDP programs, if it cannot.
func Available() error {
	if err := features.HaveProgramType(ebpf.XDP); err != nil {
		return fmt.Errorf("XDP programs cannot be loaded here: %w", err)
	}
	return nil
}
