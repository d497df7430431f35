package world

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/test/kit"
)

// echo is a server that sends back what it gets, and the way to it through a hole.
func echo(t *testing.T, from, to time.Duration) (*hole, load.Dial) {
	t.Helper()
	target := netip.MustParseAddrPort(kit.Listen(t, func(conn net.Conn) {
		_, _ = io.Copy(conn, conn)
		conn.Close()
	}))
	h := &hole{windows: []scenario.Window{{From: from, To: to}}}
	h.begin.Store(time.Now().UnixNano())
	return h, h.around(func(ctx context.Context, from netip.Addr) (net.Conn, error) { return load.DialFrom(ctx, from, target) })
}

var client = netip.MustParseAddr("127.64.0.1")

// A connection that is opened meanwhile sends its SYN again after a second.
func TestDialThroughAHole(t *testing.T) {
	_, dial := echo(t, 0, 300*time.Millisecond)
	begun := time.Now()
	conn, err := dial(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if took := time.Since(begun); took < 900*time.Millisecond {
		t.Errorf("connected after %s: its first SYN was lost", took)
	}
	_, dial = echo(t, 0, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := dial(ctx, client); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dialled through a null route: %v", err)
	}
}

// An open connection stalls, until its deadline or until the route is back.
func TestConnectionsStallInAHole(t *testing.T) {
	h, dial := echo(t, time.Hour, 2*time.Hour)
	conn, err := dial(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	say := func() error {
		if _, err := conn.Write([]byte("x")); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, make([]byte, 1))
		return err
	}
	if err := say(); err != nil {
		t.Fatalf("without a hole: %v", err)
	}
	h.begin.Add(-int64(90 * time.Minute)) // now it is open
	if err := conn.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := say(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in the hole: %v", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { h.begin.Add(-int64(time.Hour)) })
	begun := time.Now()
	if err := say(); err != nil || time.Since(begun) < 90*time.Millisecond {
		t.Errorf("when the route was back, after %s: %v", time.Since(begun), err)
	}
}
