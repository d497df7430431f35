//go:build linux

package peersock

import (
	"fmt"
	"net"
	"os/user"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Peer is the process at the other end of a connection, as the kernel vouches
// for it.
type Peer struct {
	UID    int
	Groups []int // IDs, the primary one included
}

// Name is the name of the peer's user, or its ID if the host does not know it.
func (p Peer) Name() string {
	if u, err := user.LookupId(strconv.Itoa(p.UID)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(p.UID)
}

// peerOf asks the kernel for the peer of a connection.
func peerOf(conn *net.UnixConn) (p Peer, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return p, fmt.Errorf("reading the credentials of a peer: %w", err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); failed != nil {
			return
		}
		p.UID = int(cred.Uid)
		p.Groups, failed = peerGroups(fd)
		p.Groups = append(p.Groups, int(cred.Gid))
	}); err != nil {
		return p, fmt.Errorf("reading the credentials of a peer: %w", err)
	}
	if failed != nil {
		return p, fmt.Errorf("reading the credentials of a peer: %w", failed)
	}
	return p, nil
}

// peerGroups returns the supplementary groups of a peer.
func peerGroups(fd uintptr) ([]int, error) {
	gids := make([]uint32, 64)
	for {
		size := uint32(4 * len(gids))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == unix.ERANGE && len(gids) <= 1<<16: // the kernel's own bound
			gids = make([]uint32, size/4+1)
		case errno != 0:
			return nil, errno
		default:
			var groups []int
			for _, gid := range gids[:size/4] {
				groups = append(groups, int(gid))
			}
			return groups, nil
		}
	}
}
