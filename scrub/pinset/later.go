//go:build linux

package pinset

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
)

// Present splits names of interfaces into those that there are and those that there
// are not.
func Present(names []string) (present, missing []string, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, nil, fmt.Errorf("scrub: listing the interfaces: %w", err)
	}
	for _, name := range names {
		if slices.ContainsFunc(all, func(i net.Interface) bool { return i.Name == name }) {
			present = append(present, name)
		} else {
			missing = append(missing, name)
		}
	}
	return present, missing, nil
}

// Own gives the directory, and the links in it, to a user, so that a process that has
// become that user can attach its programs to more interfaces. It needs no privilege for
// that: the kernel asks for capabilities when a program is loaded, and for its
// descriptor when it is attached (since Linux 5.19). The maps stay as they are.
func (s *Set) Own(uid, gid int) error {
	pins, err := linkPins(s.dir)
	if err != nil {
		return err
	}
	for _, path := range append(pins, s.dir) {
		err = errors.Join(err, os.Chown(path, uid, gid))
	}
	if err != nil {
		return fmt.Errorf("scrub: giving the pins to user %d: %w", uid, err)
	}
	return nil
}

// Later begins a change that attaches programs to more interfaces: it is complete
// without Commit. It forgets the links of interfaces that are gone. After Unload it
// fails, so that what was unloaded stays so.
func (s *Set) Later() (*Change, error) {
	var dir syscall.Stat_t
	if err := syscall.Stat(s.dir, &dir); err != nil {
		return nil, fmt.Errorf("scrub: looking at the directory of pins: %w", err)
	}
	if dir.Nlink == 0 {
		return nil, ErrUnloaded
	}
	for pin, l := range s.links {
		if interfaceOf(l) != nil {
			continue
		}
		delete(s.links, pin)
		if err := errors.Join(l.Unpin(), l.Close()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("scrub: removing the link of an interface that is gone: %w", err)
		}
	}
	return s.Begin(), nil
}
