//go:build linux

package peersock

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/audit"
)

// A Peer is the process at the other end of a connection, as the kernel vouches
// for it.
type Peer struct {
	UID    int
	PID    int   // 0: it is not known
	Groups []int // IDs, the primary one included
}

// Operator names the peer's user for the audit trail, see audit.Operator.
func (p Peer) Operator() string { return audit.Operator(p.UID, p.PID) }

// Name is the name of the peer's user, or its ID if the host does not know it.
func (p Peer) Name() string { return audit.Operator(p.UID, 0) }

// peerOf asks the kernel for the peer of a connection.
func peerOf(conn *net.UnixConn) (p Peer, err error) {
	is, err := audit.UnixPeer(conn)
	if err != nil {
		return p, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return p, fmt.Errorf("reading the groups of a peer: %w", err)
	}
	var groups []int
	var failed error
	err = raw.Control(func(fd uintptr) { groups, failed = peerGroups(fd) })
	if err = errors.Join(err, failed); err != nil {
		return p, fmt.Errorf("reading the groups of a peer: %w", err)
	}
	return Peer{UID: is.UID, PID: is.PID, Groups: append(groups, is.GID)}, nil
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
