// Package features probes the running kernel, and the drivers of its network
// interfaces, for what BPF programs need.
//
// It loads nothing that stays and attaches nothing. Without privileges the
// kernel does not answer: then everything counts as missing, with the reason.
package features

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	probe "github.com/cilium/ebpf/features"
)

// Feature is something that a program needs of the kernel.
type Feature struct {
	What    string
	Is      string // what there is of it, such as "all 7"
	Missing error  // nil: the kernel has it
	Try     string // the remedy if it is missing
}

const tryKernel = "Linux 6.0 or later, as root"

// Available returns why this process cannot load XDP programs, if it cannot.
func Available() error {
	if err := probe.HaveProgramType(ebpf.XDP); err != nil {
		return fmt.Errorf("XDP programs cannot be loaded here: %w", err)
	}
	return nil
}

// Needed probes the kernel for every map type and helper that the programs use
// which load returns.
func Needed(load func() (*ebpf.CollectionSpec, error)) []Feature {
	_, noTypes := btf.LoadKernelSpec()
	all := []Feature{
		{What: "BTF", Is: "available", Missing: noTypes, Try: "a kernel with CONFIG_DEBUG_INFO_BTF"},
		{What: "XDP", Is: "available", Missing: probe.HaveProgramType(ebpf.XDP), Try: "a kernel with CONFIG_BPF_SYSCALL, as root"},
	}
	spec, err := load()
	if err != nil {
		return append(all, Feature{What: "program", Missing: err, Try: "another build of scrubd"})
	}
	kinds, helpers := needs(spec)
	var noKinds, noHelpers error
	for _, kind := range kinds {
		if err := probe.HaveMapType(kind); err != nil {
			noKinds = errors.Join(noKinds, fmt.Errorf("%s: %w", kind, err))
		}
	}
	for _, helper := range helpers {
		if err := probe.HaveProgramHelper(helper.program, helper.name); err != nil {
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

// needs lists the map types and the helpers that programs use, sorted. Maps
// that the compiler adds, such as .rodata, do not count.
func needs(spec *ebpf.CollectionSpec) ([]ebpf.MapType, []helper) {
	kinds, helpers := make(map[ebpf.MapType]bool), make(map[helper]bool)
	for name, m := range spec.Maps {
		if !strings.HasPrefix(name, ".") {
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
