package need

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
)

// mayLoad says why this process cannot load an XDP program, if it cannot.
func mayLoad() error { return features.HaveProgramType(ebpf.XDP) }
