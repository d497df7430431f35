package need

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Addr returns a free address of 127.0.0.1 that no other test gets until this one ends. Its
// port lies below the range that the kernel hands to outgoing connections: there, a client
// that redials a server it lost may be given the very port it dials, and talks to itself.
// Drills take theirs in between.
func Addr(t testing.TB) string {
	t.Helper()
	for range 200 {
		port := 10_000 + rand.IntN(12_000)
		release, err := reserve(port)
		if err != nil {
			continue
		}
		t.Cleanup(release)
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	t.Fatal("found no free port of 127.0.0.1 in 200 tries")
	return ""
}

// A process is a program that runs until the test ends, or dies with it.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // complete once done is closed
	done   chan struct{}
	err    error // why it ended
}

// start runs path. The kernel kills it when the thread that started it ends, so
// that no panic or timeout of a test leaves it behind; that thread is kept
// until then.
func start(path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout = &p.output
	p.cmd.Stderr = &p.output
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return p, nil
}

// ended reports whether the program runs no longer.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the program at once (SIGKILL) and waits until it is gone.
func (p *process) kill() error {
	if p.ended() {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !p.ended() {
		return fmt.Errorf("killing process %d: %w", p.cmd.Process.Pid, err)
	}
	<-p.done
	return nil
}

// signal sends sig, which must not be one that ends the program.
func (p *process) signal(sig os.Signal) error {
	if p.ended() {
		return fmt.Errorf("process %d has ended: %v", p.cmd.Process.Pid, p.err)
	}
	return p.cmd.Process.Signal(sig)
}

// eventually asks until ok says yes, and reports what it last said of the wait.
func eventually(patience time.Duration, ok func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %w", patience, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
