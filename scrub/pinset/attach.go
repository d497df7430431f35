//go:build linux

package pinset

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
)

// A Change attaches programs to some interfaces. Commit then detaches them from
// all others, and Rollback detaches those that the change has attached.
type Change struct {
	set      *Set
	kept     map[string]bool // pins
	attached map[string]link.Link
}

// Begin begins a change.
func (s *Set) Begin() *Change {
	return &Change{s, make(map[string]bool), make(map[string]link.Link)}
}

// Rollback detaches what the change has attached. A program that it replaced
// stays replaced.
func (c *Change) Rollback() (err error) {
	for pin, l := range c.attached {
		err = errors.Join(err, l.Unpin(), l.Close())
		delete(c.set.links, pin)
	}
	return err
}

// Commit detaches programs from interfaces that the change does not name, and
// removes the maps of other releases.
func (c *Change) Commit() error {
	pins, err := linkPins(c.set.dir)
	for _, pin := range pins {
		if c.kept[pin] {
			continue
		}
		if l := c.set.links[pin]; l != nil {
			err = errors.Join(err, l.Close())
			delete(c.set.links, pin)
		}
		err = errors.Join(err, detach(pin))
	}
	return errors.Join(err, c.set.prune())
}

// XDP attaches a program to the ingress of an interface, which must be Ethernet, in
// native mode if the driver can. Where an earlier program is pinned, this one replaces it without
// a gap.
func (c *Change) XDP(name string, program *ebpf.Program) (a Attachment, err error) {
	iface, err := EthernetInterface(name)
	if err != nil {
		return a, err
	}
	pinOf := func(native bool) string {
		if native {
			return c.pin(Ingress, iface.Index, "native")
		}
		return c.pin(Ingress, iface.Index, "generic")
	}
	for _, native := range []bool{true, false} {
		if done, err := c.replace(pinOf(native), name, program); done || err != nil {
			return attachment(iface, native), err
		}
	}
	l, err := link.AttachXDP(link.XDPOptions{Program: program, Interface: iface.Index, Flags: link.XDPDriverMode})
	native := err == nil
	if errors.Is(err, ebpf.ErrNotSupported) || err != nil && !errors.Is(err, os.ErrExist) {
		l, err = link.AttachXDP(link.XDPOptions{Program: program, Interface: iface.Index, Flags: link.XDPGenericMode})
	}
	if err != nil {
		return a, refusal(iface, err)
	}
	return attachment(iface, native), c.keep(pinOf(native), name, l)
}

// attachment describes an XDP program that is attached.
func attachment(iface *net.Interface, native bool) Attachment {
	a := Attachment{Interface: iface.Name, Index: iface.Index, Native: native}
	if !native && iface.MTU > MaxMTU() {
		if able, err := features.Native(iface.Name); able || err != nil {
			a.Jumbo = iface.MTU
		}
	}
	return a
}

// refusal is why the kernel attaches no XDP program, which names another one that is
// attached.
func refusal(iface *net.Interface, err error) error {
	if others, _ := features.Attached(iface.Index); len(others) > 0 {
		return Occupied(iface.Name, others[0])
	}
	return hint.Errorf("ip link show "+iface.Name+"; `scrubd check`", "scrub: attaching to %s: %w", iface.Name, err)
}

// Occupied is the error of an interface that has the XDP program of somebody else: the
// kernel takes one for each interface.
func Occupied(name string, by features.Program) error {
	return hint.Errorf("detach it by the means of what attached it (`bpftool link`), or `ip link set dev "+name+" xdp off`",
		"another XDP program is attached to %s: %s", name, by)
}

// TCX attaches a program to the egress of an interface, which must be Ethernet.
func (c *Change) TCX(name string, program *ebpf.Program) (a Attachment, err error) {
	iface, err := EthernetInterface(name)
	if err != nil {
		return a, err
	}
	a = Attachment{Interface: name, Index: iface.Index}
	pin := c.pin(Egress, iface.Index, "egress")
	if done, err := c.replace(pin, name, program); done || err != nil {
		return a, err
	}
	l, err := link.AttachTCX(link.TCXOptions{Program: program, Attach: ebpf.AttachTCXEgress, Interface: iface.Index})
	if err != nil {
		return a, fmt.Errorf("scrub: attaching to the egress of %s, which needs Linux 6.6 or later: %w", name, err)
	}
	return a, c.keep(pin, name, l)
}

// replace puts a program in the place of the one that is pinned there, if one
// is.
func (c *Change) replace(pin, name string, program *ebpf.Program) (done bool, err error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return false, nil
	}
	old := c.set.links[pin]
	delete(c.set.links, pin)
	if old != nil {
		err = old.Close()
	}
	if l.Update(program) == nil {
		c.set.links[pin], c.kept[pin] = l, true
		return true, err
	}
	// The interface is gone, and another one has its index.
	if err := errors.Join(err, l.Unpin(), l.Close()); err != nil {
		return false, fmt.Errorf("scrub: removing the stale link of %s: %w", name, err)
	}
	return false, nil
}

// keep pins a link.
func (c *Change) keep(pin, name string, l link.Link) error {
	if err := l.Pin(pin); err != nil {
		return errors.Join(fmt.Errorf("scrub: pinning the link of %s: %w", name, err), l.Close())
	}
	c.set.links[pin], c.attached[pin], c.kept[pin] = l, l, true
	return nil
}

// pin is the path of the pin of a link.
func (c *Change) pin(hook Hook, index int, kind string) string {
	return filepath.Join(c.set.dir, string(hook)+strconv.Itoa(index)+"-"+kind)
}

// linkPins are the pins of all links.
func linkPins(dir string) ([]string, error) {
	ingress, err := pinned(dir, string(Ingress))
	if err != nil {
		return nil, err
	}
	egress, err := pinned(dir, string(Egress))
	return append(ingress, egress...), err
}

// detach detaches a pinned link and removes its pin.
func detach(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return fmt.Errorf("scrub: opening %s: %w", pin, err)
	}
	// Unpinned only, it would stay attached for as long as a process holds it.
	if err := errors.Join(l.Detach(), l.Unpin(), l.Close()); err != nil {
		return fmt.Errorf("scrub: detaching %s: %w", pin, err)
	}
	return nil
}

// Unload detaches every program pinned below dir, and removes the directory.
// Nothing is protected any more.
func Unload(dir string) error {
	pins, err := linkPins(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, pin := range pins {
		err = errors.Join(err, detach(pin))
	}
	return errors.Join(err, os.RemoveAll(dir))
}
