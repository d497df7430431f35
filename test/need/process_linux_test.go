package need

import (
	"net"
	"testing"
)

// TestAddrIsReserved: until its test ends, an address is for the server of that test alone,
// which may also start again.
func TestAddrIsReserved(t *testing.T) {
	port := 0
	t.Run("its test", func(t *testing.T) {
		addr := Addr(t)
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		port = tcp.Port
		if _, err := reserve(port); err == nil {
			t.Error("another test gets it as well")
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Error("somebody listens there")
		}
		for range 2 {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatalf("its server: %v", err)
			}
			if _, err := reserve(port); err == nil {
				t.Error("another test gets it while the server runs")
			}
			l.Close()
		}
	})
	release, err := reserve(port)
	if err != nil {
		t.Fatalf("after its test: %v", err)
	}
	release()
}
