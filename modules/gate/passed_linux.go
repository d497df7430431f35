package gate

import (
	"net/netip"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// firstPassed is the first file descriptor that a service manager passes; see
// sd_listen_fds(3).
const firstPassed = 3

// passedSockets returns the sockets that were passed to this process.
var passedSockets = sync.OnceValue(func() (sockets []passedSocket) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return nil
	}
	for fd := firstPassed; fd < firstPassed+n; fd++ {
		unix.CloseOnExec(fd)
		if s, ok := socketAt(fd); ok {
			sockets = append(sockets, s)
		}
	}
	return sockets
})

// socketAt describes a TCP or UDP socket.
func socketAt(fd int) (s passedSocket, ok bool) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return s, false
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return s, false
	}
	s.fd = fd
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		s.at = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		s.at = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	default:
		return s, false
	}
	switch kind {
	case unix.SOCK_STREAM:
		s.network = "fd"
	case unix.SOCK_DGRAM:
		s.network = "fdgram"
	}
	return s, s.network != ""
}
