//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Attachment is an interface that the program looks at.
type Attachment struct {
	Interface string `json:"interface"`

	// Whether the driver runs the program itself. If not the kernel does, later
	// and at several times the cost.
	Native bool `json:"native"`
}

// Attach has the program look at these interfaces and at no others. Where an
// earlier one does, this one takes its place without a gap. If an interface
// cannot be attached, none is that was not before.
func (s *Scrubber) Attach(interfaces ...string) (done []Attachment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	round := s.board.round()
	for _, name := range interfaces {
		a, err := round.xdp(name, s.objects.Scrub)
		if err != nil {
			return nil, errors.Join(err, round.undo())
		}
		done = append(done, a)
	}
	return done, round.finish()
}

// A round attaches programs to interfaces, and takes them off all others or, if
// one cannot be attached, changes nothing.
type round struct {
	*board
	kept  map[string]bool // pins
	fresh map[string]link.Link
}

func (b *board) round() *round {
	return &round{b, make(map[string]bool), make(map[string]link.Link)}
}

// undo takes off what the round has attached.
func (r *round) undo() (err error) {
	for pin, l := range r.fresh {
		err = errors.Join(err, l.Unpin(), l.Close())
		delete(r.links, pin)
	}
	return err
}

// finish takes programs off interfaces that they no longer look at.
func (r *round) finish() error {
	pins, err := linkPins(r.pins)
	for _, pin := range pins {
		if r.kept[pin] {
			continue
		}
		if l := r.links[pin]; l != nil {
			err = errors.Join(err, l.Close())
			delete(r.links, pin)
		}
		err = errors.Join(err, detach(pin))
	}
	return errors.Join(err, r.prune())
}

// xdp attaches a program before an interface's stack.
func (r *round) xdp(name string, program *ebpf.Program) (a Attachment, err error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return a, fmt.Errorf("scrub: finding the interface %s: %w", name, err)
	}
	pinOf := func(native bool) string {
		if native {
			return r.pin(linkPrefix, iface.Index, "native")
		}
		return r.pin(linkPrefix, iface.Index, "generic")
	}
	for _, native := range []bool{true, false} {
		if done, err := r.update(pinOf(native), name, program); done || err != nil {
			return Attachment{name, native}, err
		}
	}
	l, err := link.AttachXDP(link.XDPOptions{Program: program, Interface: iface.Index, Flags: link.XDPDriverMode})
	native := err == nil
	if errors.Is(err, ebpf.ErrNotSupported) || err != nil && !errors.Is(err, os.ErrExist) {
		l, err = link.AttachXDP(link.XDPOptions{Program: program, Interface: iface.Index, Flags: link.XDPGenericMode})
	}
	if err != nil {
		return a, fmt.Errorf("scrub: attaching to %s: %w\n  try: ip link show %s; another XDP program must be taken off first", name, err, name)
	}
	return Attachment{name, native}, r.keep(pinOf(native), name, l)
}

// tcx attaches a program behind an interface's stack.
func (r *round) tcx(name string, program *ebpf.Program) error {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("scrub: finding the interface %s: %w", name, err)
	}
	if len(iface.HardwareAddr) != 6 {
		return fmt.Errorf("scrub: attaching to %s: its packets have no Ethernet header", name)
	}
	pin := r.pin(backPrefix, iface.Index, "egress")
	if done, err := r.update(pin, name, program); done || err != nil {
		return err
	}
	l, err := link.AttachTCX(link.TCXOptions{Program: program, Attach: ebpf.AttachTCXEgress, Interface: iface.Index})
	if err != nil {
		return fmt.Errorf("scrub: attaching to what leaves by %s, for which the kernel must be of 6.6 or later: %w", name, err)
	}
	return r.keep(pin, name, l)
}

// update puts a program in the place of the one that is pinned there, if one
// is.
func (r *round) update(pin, name string, program *ebpf.Program) (done bool, err error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return false, nil
	}
	was := r.links[pin]
	delete(r.links, pin)
	if was != nil {
		err = was.Close()
	}
	if l.Update(program) == nil {
		r.links[pin], r.kept[pin] = l, true
		return true, err
	}
	// Its interface is gone, and another one has its number.
	if err := errors.Join(err, l.Unpin(), l.Close()); err != nil {
		return false, fmt.Errorf("scrub: clearing the old link of %s: %w", name, err)
	}
	return false, nil
}

// keep pins a link.
func (r *round) keep(pin, name string, l link.Link) error {
	if err := l.Pin(pin); err != nil {
		return errors.Join(fmt.Errorf("scrub: pinning the link of %s: %w", name, err), l.Close())
	}
	r.links[pin], r.fresh[pin], r.kept[pin] = l, l, true
	return nil
}

// pin names the pin of a link.
func (b *board) pin(prefix string, index int, kind string) string {
	return filepath.Join(b.pins, prefix+strconv.Itoa(index)+"-"+kind)
}

// linkPins are the pins of all links.
func linkPins(pins string) ([]string, error) {
	in, err := pinned(pins, linkPrefix)
	if err != nil {
		return nil, err
	}
	back, err := pinned(pins, backPrefix)
	return append(in, back...), err
}

// detach takes a pinned link off.
func detach(pin string) error {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return fmt.Errorf("scrub: opening %s: %w", pin, err)
	}
	// Without its pin alone it would stay attached while a process holds it.
	if err := errors.Join(l.Detach(), l.Unpin(), l.Close()); err != nil {
		return fmt.Errorf("scrub: detaching %s: %w", pin, err)
	}
	return nil
}

// Unload takes the dataplane below pins off every interface, and removes it.
// Nothing is protected any more.
func Unload(pins string) error {
	links, err := linkPins(pins)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, pin := range links {
		err = errors.Join(err, detach(pin))
	}
	return errors.Join(err, os.RemoveAll(pins))
}
