//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/cilium/ebpf/link"
)

// Running lists the interfaces that the dataplane below pins is attached to,
// whether or not its process lives.
func Running(pins string) (interfaces []string, err error) { return running(pins, linkPrefix) }

func running(pins, prefix string) (interfaces []string, err error) {
	paths, err := pinned(pins, prefix)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		l, err := link.LoadPinnedLink(path, nil)
		if err != nil {
			return nil, fmt.Errorf("scrub: opening %s: %w", path, err)
		}
		name, ok := lives(l)
		if err := l.Close(); err != nil {
			return nil, fmt.Errorf("scrub: closing %s: %w", path, err)
		}
		if ok && !slices.Contains(interfaces, name) {
			interfaces = append(interfaces, name)
		}
	}
	return interfaces, nil
}

// Attached lists the interfaces that the program looks at now. Someone may have
// taken it off, and an interface may be gone.
func (s *Scrubber) Attached() (interfaces []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.board.attached(linkPrefix)
}

// lives returns the interface of a link that is still attached.
func lives(l link.Link) (name string, ok bool) {
	info, err := l.Info()
	if err != nil {
		return "", false
	}
	var index uint32
	if in := info.XDP(); in != nil {
		index = in.Ifindex
	} else if back := info.TCX(); back != nil {
		index = back.Ifindex
	}
	iface, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return "", false
	}
	return iface.Name, true
}
