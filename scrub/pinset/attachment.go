package pinset

import (
	"errors"
	"os"

	"github.com/theriac-edge/theriac/hint"
)

// BPFFS is where Linux distributions mount the BPF file system.
const BPFFS = "/sys/fs/bpf"

// Attachment is an interface to which a program is attached.
type Attachment struct {
	Interface string `json:"interface"`

	// The number by which the kernel knows the interface, which stays when it is
	// renamed.
	Index int `json:"index"`

	// Whether the driver runs the program, if it is an XDP program. If not, the kernel runs it later, in
	// generic mode, at several times the cost.
	Native bool `json:"native"`

	// The MTU, if that is why a driver with XDP does not run the program.
	Jumbo int `json:"jumbo,omitempty"`
}

// What a driver keeps of the page that it receives a packet into: headroom for XDP, its
// own description of the packet, and an Ethernet header with two VLAN tags.
const (
	xdpHeadroom  = 256
	sharedInfo   = 320
	frameHeaders = 14 + 2*4
)

// MaxMTU is about the largest MTU at which drivers run a program that sees a packet in
// one page, such as ours: 3,498 where a page has 4 KiB. Each driver has a limit of its
// own near it.
func MaxMTU() int { return os.Getpagesize() - xdpHeadroom - sharedInfo - frameHeaders }

// ErrUnloaded is returned where what was pinned has been removed, as Unload does.
var ErrUnloaded error = hint.New(errors.New("scrub: what was pinned has been unloaded"), "restart the service")
