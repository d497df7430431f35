//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
	var undo []func() error
	keep := make(map[string]bool)
	for _, name := range interfaces {
		a, pin, fresh, err := s.attach(name)
		if err != nil {
			for _, step := range undo {
				err = errors.Join(err, step())
			}
			return nil, err
		}
		if fresh != nil {
			undo = append(undo, fresh.Unpin, fresh.Close)
		}
		keep[pin] = true
		done = append(done, a)
	}
	return done, errors.Join(s.detachOthers(keep), s.prune())
}

// attach returns the link if it is a new one.
func (s *Scrubber) attach(name string) (a Attachment, pin string, fresh link.Link, err error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return a, "", nil, fmt.Errorf("scrub: finding the interface %s: %w", name, err)
	}
	for _, native := range []bool{true, false} {
		pin = s.linkPin(iface.Index, native)
		l, err := link.LoadPinnedLink(pin, nil)
		if err != nil {
			continue
		}
		if err := l.Update(s.objects.Scrub); err == nil {
			s.links[iface.Index] = l
			return Attachment{name, native}, pin, nil, nil
		}
		// Its interface is gone, and another one has its number.
		if err := errors.Join(l.Unpin(), l.Close()); err != nil {
			return a, "", nil, fmt.Errorf("scrub: clearing the old link of %s: %w", name, err)
		}
	}
	l, err := link.AttachXDP(link.XDPOptions{Program: s.objects.Scrub, Interface: iface.Index, Flags: link.XDPDriverMode})
	native := err == nil
	if errors.Is(err, ebpf.ErrNotSupported) || err != nil && !errors.Is(err, os.ErrExist) {
		l, err = link.AttachXDP(link.XDPOptions{Program: s.objects.Scrub, Interface: iface.Index, Flags: link.XDPGenericMode})
	}
	if err != nil {
		return a, "", nil, fmt.Errorf("scrub: attaching to %s: %w\n  try: ip link show %s; another XDP program must be taken off first", name, err, name)
	}
	pin = s.linkPin(iface.Index, native)
	if err := l.Pin(pin); err != nil {
		return a, "", nil, errors.Join(fmt.Errorf("scrub: pinning the link of %s: %w", name, err), l.Close())
	}
	s.links[iface.Index] = l
	return Attachment{name, native}, pin, l, nil
}

const linkPrefix = "link-"

func (s *Scrubber) linkPin(index int, native bool) string {
	kind := "generic"
	if native {
		kind = "native"
	}
	return filepath.Join(s.pins, linkPrefix+strconv.Itoa(index)+"-"+kind)
}

// pinned lists the pins that begin so.
func pinned(pins, prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(pins)
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the pins: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			paths = append(paths, filepath.Join(pins, e.Name()))
		}
	}
	return paths, nil
}

// detachOthers takes the program off interfaces that it no longer looks at.
func (s *Scrubber) detachOthers(keep map[string]bool) error {
	pins, err := pinned(s.pins, linkPrefix)
	for _, pin := range pins {
		if keep[pin] {
			continue
		}
		index, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(pin), linkPrefix), "-")
		if n, bad := strconv.Atoi(index); bad == nil && s.links[n] != nil && !keep[s.linkPin(n, true)] && !keep[s.linkPin(n, false)] {
			err = errors.Join(err, s.links[n].Close())
			delete(s.links, n)
		}
		err = errors.Join(err, detach(pin))
	}
	return err
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

// prune removes the maps of other releases, which no program uses any more.
func (s *Scrubber) prune() error {
	folders, err := pinned(s.pins, "maps-")
	for _, folder := range folders {
		if folder != s.maps {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	return err
}

// Unload takes the dataplane below pins off every interface, and removes it.
// Nothing is protected any more.
func Unload(pins string) error {
	links, err := pinned(pins, linkPrefix)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, pin := range links {
		err = errors.Join(err, detach(pin))
	}
	return errors.Join(err, os.RemoveAll(pins))
}
