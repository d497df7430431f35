package kit

import (
	"net"
	"testing"
)

// Listen serves each connection to an address of its own until the test ends, and returns the
// address. It is for shops that net/http would be too polite for.
func Listen(t testing.TB, serve func(net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	Serve(t, listener, serve)
	return listener.Addr().String()
}

// Serve serves each connection to a listener until the test ends.
func Serve(t testing.TB, listener net.Listener, serve func(net.Conn)) {
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}
