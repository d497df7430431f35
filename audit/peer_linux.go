package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// UnixPeer asks the kernel for the process at the other end of a unix socket, as it
// was when it connected.
func UnixPeer(conn *net.UnixConn) (p Peer, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return p, fmt.Errorf("reading the credentials of a peer: %w", err)
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, failed); err != nil {
		return p, fmt.Errorf("reading the credentials of a peer: %w", err)
	}
	return Peer{UID: int(cred.Uid), GID: int(cred.Gid), PID: int(cred.Pid)}, nil
}

// The sizes and offsets of struct nlmsghdr, inet_diag_req_v2 and inet_diag_msg, and
// of their fields (linux/netlink.h, linux/inet_diag.h).
const (
	headerSize  = 16
	requestSize = 56
	answerSize  = 72
	stateAt     = 1
	uidAt       = 64
	inodeAt     = 68
)

// TCPPeer asks the kernel for the user of a client that is connected to a server on
// this host.
func TCPPeer(client, server netip.AddrPort) (uid int, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("asking the kernel for the user of a connection: %w", err)
	}
	defer unix.Close(fd)
	answer := make([]byte, 4096)
	n := 0
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err == nil {
		if err = unix.Sendto(fd, diagRequest(client, server), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err == nil {
			n, _, err = unix.Recvfrom(fd, answer, 0)
		}
	}
	if err == nil {
		uid, err = uidIn(answer[:n])
	}
	if err != nil {
		return 0, fmt.Errorf("asking the kernel for the user of a connection: %w", err)
	}
	return uid, nil
}

// diagRequest asks for the one socket that a client is connected with.
func diagRequest(client, server netip.AddrPort) []byte {
	family := byte(unix.AF_INET6)
	if client.Addr().Is4() {
		family = unix.AF_INET
	}
	b := make([]byte, 0, headerSize+requestSize)
	b = binary.NativeEndian.AppendUint32(b, headerSize+requestSize)
	b = binary.NativeEndian.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = append(b, make([]byte, 8)...) // sequence, port: there is one answer
	b = append(b, family, unix.IPPROTO_TCP, 0, 0)
	b = append(b, 0xff, 0xff, 0xff, 0xff) // in any state
	b = binary.BigEndian.AppendUint16(b, client.Port())
	b = binary.BigEndian.AppendUint16(b, server.Port())
	for _, addr := range []netip.Addr{client.Addr(), server.Addr()} {
		b = append(append(b, addr.AsSlice()...), make([]byte, 16-addr.BitLen()/8)...)
	}
	b = append(b, 0, 0, 0, 0)                                        // on any interface
	return append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // INET_DIAG_NOCOOKIE
}

var errNoSocket = errors.New("no such socket, or its process has closed it")

// uidIn reads the answer to a diagRequest. A socket that no process holds any more
// would be root's, and one that listens is not the client's.
func uidIn(answer []byte) (uid int, err error) {
	if len(answer) < headerSize+4 {
		return 0, fmt.Errorf("an answer of %d bytes", len(answer))
	}
	kind, body := binary.NativeEndian.Uint16(answer[4:]), answer[headerSize:]
	switch {
	case kind == unix.NLMSG_ERROR:
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
		if errno == unix.ENOENT {
			return 0, errNoSocket
		}
		return 0, errno
	case kind != unix.SOCK_DIAG_BY_FAMILY || len(body) < answerSize:
		return 0, fmt.Errorf("an answer of kind %d and %d bytes", kind, len(answer))
	case body[stateAt] == unix.BPF_TCP_LISTEN, binary.NativeEndian.Uint32(body[inodeAt:]) == 0:
		return 0, errNoSocket
	}
	return int(binary.NativeEndian.Uint32(body[uidAt:])), nil
}
