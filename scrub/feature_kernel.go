//go:build linux

package scrub

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
)

// Feature is something that the dataplane needs of the kernel.
type Feature struct {
	What    string
	Is      string // how much of it was asked for
	Missing error  // nil: it is there
	Try     string // where it is missing
}

const tryKernel = "a kernel of 6.0 or later, as root"

// Features asks the running kernel for all that the dataplane needs, as its
// program tells. Without privileges the kernel does not say.
func Features() []Feature { return featuresFor(loadKernel) }

// AgentFeatures is Features for what an agent needs.
func AgentFeatures() []Feature { return featuresFor(loadAgent) }

func featuresFor(load func() (*ebpf.CollectionSpec, error)) []Feature {
	_, noTypes := btf.LoadKernelSpec()
	all := []Feature{
		{What: "BTF", Is: "there", Missing: noTypes, Try: "a kernel with CONFIG_DEBUG_INFO_BTF"},
		{What: "XDP", Is: "there", Missing: features.HaveProgramType(ebpf.XDP), Try: "a kernel with CONFIG_BPF_SYSCALL, as root"},
	}
	spec, err := load()
	if err != nil {
		return append(all, Feature{What: "program", Missing: err, Try: "another build of scrubd"})
	}
	kinds, helpers := needs(spec)
	var noKinds, noHelpers error
	for _, kind := range kinds {
		if err := features.HaveMapType(kind); err != nil {
			noKinds = errors.Join(noKinds, fmt.Errorf("%s: %w", kind, err))
		}
	}
	for _, helper := range helpers {
		if err := features.HaveProgramHelper(helper.program, helper.name); err != nil {
			noHelpers = errors.Join(noHelpers, fmt.Errorf("%s: %w", helper.name, err))
		}
	}
	return append(all,
		Feature{What: "map types", Is: fmt.Sprintf("all %d", len(kinds)), Missing: noKinds, Try: tryKernel},
		Feature{What: "helpers", Is: fmt.Sprintf("all %d", len(helpers)), Missing: noHelpers, Try: tryKernel},
	)
}

// A helper is a function of the kernel, as programs of one type call it.
type helper struct {
	program ebpf.ProgramType
	name    asm.BuiltinFunc
}

// needs lists the map types and the helpers that programs use, sorted.
func needs(spec *ebpf.CollectionSpec) ([]ebpf.MapType, []helper) {
	kinds, helpers := make(map[ebpf.MapType]bool), make(map[helper]bool)
	for name, m := range spec.Maps {
		if ours(name) {
			kinds[m.Type] = true
		}
	}
	for _, program := range spec.Programs {
		for _, ins := range program.Instructions {
			if ins.IsBuiltinCall() {
				helpers[helper{program.Type, asm.BuiltinFunc(ins.Constant)}] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(kinds)), slices.SortedFunc(maps.Keys(helpers), func(a, b helper) int {
		return cmp.Or(cmp.Compare(a.program, b.program), cmp.Compare(a.name, b.name))
	})
}
