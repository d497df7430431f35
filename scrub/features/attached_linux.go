package features

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Program is an XDP program that is attached to an interface.
type Program struct {
	ID   uint32
	Name string // empty if this process may not ask for it
}

// String is the ID, and the name in brackets.
func (p Program) String() string {
	if p.Name == "" {
		return fmt.Sprint(p.ID)
	}
	return fmt.Sprintf("%d (%s)", p.ID, p.Name)
}

// Attached lists the XDP programs on an interface, native and generic. What a
// network card runs itself is not listed: it does not keep another program away.
func Attached(index int) (all []Program, err error) {
	raw, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("scrub: listing the interfaces: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, fmt.Errorf("scrub: listing the interfaces: %w", err)
	}
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg || int(binary.NativeEndian.Uint32(m.Data[4:])) != index {
			continue
		}
		xdp, _ := attribute(m.Data[unix.SizeofIfInfomsg:], unix.IFLA_XDP) // one without is no interface for XDP
		for _, mode := range []uint16{unix.IFLA_XDP_DRV_PROG_ID, unix.IFLA_XDP_SKB_PROG_ID} {
			if id, err := attribute(xdp, mode); err == nil && len(id) == 4 {
				all = append(all, program(binary.NativeEndian.Uint32(id)))
			}
		}
	}
	return all, nil
}

// program asks for the name of a program.
func program(id uint32) Program {
	p := Program{ID: id}
	loaded, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return p
	}
	defer loaded.Close()
	if info, err := loaded.Info(); err == nil {
		p.Name = info.Name
	}
	return p
}
