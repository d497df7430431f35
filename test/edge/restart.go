package edge

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// StartPassed is Start for an edge that is passed sockets by its service manager, as by
// systemd. The first one listens at addr.
func StartPassed(t testing.TB, addr string, sockets []*os.File, caddyfile string, env ...string) *Edge {
	t.Helper()
	e := &Edge{Addr: addr, Admin: need.Addr(t), dial: new(net.Dialer).DialContext}
	e.command = by(`LISTEN_PID=$$ exec "$0" "$@"`, sockets...)
	e.run(t, caddyfile, append(env, "LISTEN_FDS="+strconv.Itoa(len(sockets))))
	return e
}

// StartLimited is Start for an edge that may open so many files.
func StartLimited(t testing.TB, files int, caddyfile string) *Edge {
	t.Helper()
	e := &Edge{Addr: need.Addr(t), Admin: need.Addr(t), dial: new(net.Dialer).DialContext}
	e.command = by(fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, files))
	e.run(t, caddyfile, nil)
	return e
}

// by is how a shell starts a program.
func by(script string, files ...*os.File) func(context.Context, string, ...string) *exec.Cmd {
	return func(ctx context.Context, program string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", script, program}, args...)...)
		cmd.ExtraFiles = files
		return cmd
	}
}

// Stop ends the edge as a service manager does, and returns how long that took.
func (e *Edge) Stop(t testing.TB) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("ending the edge: %v", err)
	}
	select {
	case <-e.done:
	case <-time.After(time.Minute):
		t.Fatalf("the edge does not end:\n%s", e.Log())
	}
	return time.Since(begin)
}

// Restart ends the edge, and starts it again with the Caddyfile that it was started with.
func (e *Edge) Restart(t testing.TB) {
	t.Helper()
	e.Stop(t)
	e.start(t, e.caddyfile, e.env)
}
