package gate

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// queue is the accept queue of a listener. Go's Accept adds each connection to its
// network poller, sets keep-alive in five system calls, and removes the connection from
// the poller again. A refused connection needs none of that, so after a refusal the rest
// of the queue is accepted here. That takes 12 µs of CPU time per refused connection
// instead of 15 (BenchmarkRefused in test/gate, four runs each, November 2026, 2 cores):
// worth it on an edge without the scrubber, which would drop banned sources before.
type queue struct{ raw syscall.RawConn }

// queueOf finds the queue of a listener. If there is none, every connection goes through
// Go's Accept.
func queueOf(l net.Listener) (q queue) {
	if s, ok := innermost(l).(syscall.Conn); ok {
		q.raw, _ = s.SyscallConn()
	}
	return q
}

// maxDrain is how many connections one drain accepts, so that it ends soon after the
// listener was closed.
const maxDrain = 256

// drain accepts from the queue until it is empty, or until it has a connection that is
// not refused, and returns that one. It does not wait.
func (l *listener) drain() (admitted net.Conn) {
	if l.queue.raw == nil {
		return nil
	}
	_ = l.queue.raw.Control(func(fd uintptr) { // fails if it is closed; then Accept fails as well
		for i := 0; i < maxDrain && admitted == nil; i++ {
			taken, from, err := syscall.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != nil {
				return // mostly EAGAIN; Accept returns any other error again
			}
			now := time.Now()
			if s, ok := l.admit(addrOf(from), now); ok {
				admitted = l.adopt(taken, s, now)
				continue
			}
			_ = unix.SetsockoptLinger(taken, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			_ = unix.Close(taken)
		}
	})
	return admitted
}

// adopt hands a connection to Go's network poller, with the settings that Accept sets.
func (l *listener) adopt(fd int, s slot, now time.Time) net.Conn {
	file := os.NewFile(uintptr(fd), "")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		l.gate.state.table.leave(&s, true)
		return nil // out of file descriptors: it is closed, and the next Accept fails
	}
	tcp := conn.(*net.TCPConn)
	if server := l.gate.proxies.server; server != nil {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: server.KeepAliveInterval >= 0, Interval: time.Duration(server.KeepAliveInterval),
			Idle: time.Duration(server.KeepAliveIdle), Count: server.KeepAliveCount,
		})
	}
	return l.enter(tcp, s, now)
}

func addrOf(from syscall.Sockaddr) netip.Addr {
	switch a := from.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *syscall.SockaddrInet6:
		return netip.AddrFrom16(a.Addr).Unmap()
	}
	return netip.Addr{}
}
