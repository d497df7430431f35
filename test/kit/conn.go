package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Say sends one message and wants it back with its number.
func Say(ctx context.Context, conn *websocket.Conn, seq int64) error {
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"registerEGK"}`)); err != nil {
		return err
	}
	_, data, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	var answer struct{ Seq int64 }
	if err := json.Unmarshal(data, &answer); err != nil {
		return err
	}
	if answer.Seq != seq {
		return fmt.Errorf("message %d came back as %d", seq, answer.Seq)
	}
	return nil
}

// Slowly opens connections from loopback addresses of their own, a hundred
// each, and writes begin at once and then one byte of rest a tenth of a second,
// until the test ends or the other side hangs up. It returns how many are open.
func Slowly(t testing.TB, addr string, connections int, begin, rest string) *atomic.Int64 {
	t.Helper()
	open := new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	for i := range connections {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 8, byte(i/100), byte(1+i%100))}, Timeout: 5 * time.Second}
		conn, err := dialer.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		open.Add(1)
		all.Go(func() {
			defer open.Add(-1)
			defer conn.Close()
			_, err := io.WriteString(conn, begin)
			for i := 0; err == nil && i < len(rest); i++ {
				select {
				case <-ctx.Done():
					return
				case <-time.After(100 * time.Millisecond):
				}
				_, err = io.WriteString(conn, rest[i:i+1])
			}
		})
	}
	return open
}
