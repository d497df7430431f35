package need

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A Front is the address of a service that moves from one server to another, as after a
// failover.
type Front struct {
	Addr string

	mu    sync.Mutex
	to    string
	conns []net.Conn
}

// Forward makes an address that leads to a server.
func Forward(t testing.TB, to string) *Front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{Addr: l.Addr().String(), to: to}
	var loops sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		f.Move("")
		loops.Wait()
	})
	loops.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			if server := f.dial(client); server != nil {
				loops.Go(func() { join(server, client) })
				loops.Go(func() { join(client, server) })
			}
		}
	})
	return f
}

// dial connects a client to the present server, or returns nil.
func (f *Front) dial(client net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	server, err := net.Dial("tcp", f.to)
	if err != nil {
		_ = client.Close()
		return nil
	}
	f.conns = append(f.conns, client, server)
	return server
}

// join passes on what one says to the other, until one of them ends.
func join(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// Move has the address lead to another server, and cuts all connections.
func (f *Front) Move(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}
