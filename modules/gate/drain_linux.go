package gate

import (
	"net"
	"net/netip"
	"os"
	"reflect"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// queue is what the kernel has accepted at a listener. Go's Accept makes each
// connection one of the runtime's: it joins epoll, is told of keep-alive in five
// calls, and leaves epoll again. One that is refused needs none of that, so
// after a refusal what stands in the queue is taken out here.
type queue struct{ raw syscall.RawConn }

// queueOf finds the socket under what Caddy wraps around it, which is a struct
// that embeds the listener and gives no other way to it.
func queueOf(l net.Listener) (q queue) {
	for l != nil {
		if s, ok := l.(syscall.Conn); ok {
			q.raw, _ = s.SyscallConn()
			return q
		}
		v := reflect.Indirect(reflect.ValueOf(l))
		if v.Kind() != reflect.Struct {
			return q
		}
		field := v.FieldByName("Listener")
		if !field.IsValid() || !field.CanInterface() {
			return q
		}
		l, _ = field.Interface().(net.Listener)
	}
	return q
}

// drainMost lets a listener that was closed meanwhile end soon.
const drainMost = 256

// drain takes connections out of the queue until it is empty, or one may come
// in, and returns that. It does not wait.
func (l *listener) drain() (in net.Conn) {
	if l.queue.raw == nil {
		return nil
	}
	_ = l.queue.raw.Control(func(fd uintptr) { // fails if it is closed; then Accept says so
		for i := 0; i < drainMost && in == nil; i++ {
			taken, from, err := syscall.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != nil {
				return // mostly EAGAIN; Accept meets all else again
			}
			now := time.Now()
			if s, ok := l.admit(addrOf(from), now); ok {
				in = l.adopt(taken, s, now)
				continue
			}
			_ = unix.SetsockoptLinger(taken, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			_ = unix.Close(taken)
		}
	})
	return in
}

// adopt makes a connection Go's, with the settings that it would have had.
func (l *listener) adopt(fd int, s slot, now time.Time) net.Conn {
	file := os.NewFile(uintptr(fd), "")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		l.gate.state.table.leave(&s, true)
		return nil // out of descriptors: it is closed, and the next Accept says so
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
