// Package child starts what a drill needs as processes of its own: edges, shops, Redis.
//
// A child ends with its context, and at the latest with the drill, also if that is
// killed. One that does not come up, or ends by itself, is an error with the last
// lines that it printed.
package child

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// A Process is a child of the drill.
type Process struct {
	Name    string
	PID     int
	log     string // file of its output
	end     context.CancelFunc
	process *os.Process
	done    chan struct{}
	err     error // of Wait, once done is closed
}

// startTimeout is how long a child may take to accept connections.
const startTimeout = 20 * time.Second

// A Command is what to start.
type Command struct {
	Name string // of its log
	Dir  string
	Env  []string // added to the drill's environment
	Path string
	Args []string

	// (optional) The processors that it may use. Default: those of the drill.
	CPUs []int
}

// Start starts a child.
func Start(ctx context.Context, c Command) (*Process, error) {
	ctx, end := context.WithCancel(ctx)
	p := &Process{Name: c.Name, log: filepath.Join(c.Dir, c.Name+".log"), end: end, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		end()
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	started := make(chan error, 1)
	go func() {
		// The kernel ends the child when the thread that started it ends.
		runtime.LockOSThread()
		defer close(p.done)
		if c.CPUs == nil {
			defer runtime.UnlockOSThread()
		} else if err := pin(c.CPUs); err != nil { // the thread ends with this goroutine
			started <- err
			return
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		end()
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	p.PID, p.process = cmd.Process.Pid, cmd.Process
	return p, nil
}

// Ready waits until the child accepts connections at addr.
func (p *Process) Ready(ctx context.Context, addr string) error {
	late := time.After(startTimeout)
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return fmt.Errorf("starting %s: %w", p.Name, p.Ended())
		case <-late:
			return fmt.Errorf("starting %s: nothing accepts connections at %s after %s; it printed:\n%s", p.Name, addr, startTimeout, p.Tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Alive returns an error if the child has ended by itself.
func (p *Process) Alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w", p.Name, p.Ended())
	default:
		return nil
	}
}

// Ended is the error of a child that should not have ended.
func (p *Process) Ended() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("it ended (%s) and printed:\n%s", how, p.Tail())
}

// Stop ends the child and waits for it.
func (p *Process) Stop() {
	p.end()
	<-p.done
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends the child a signal.
func (p *Process) Signal(sig os.Signal) error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w", p.Name, p.Ended())
	default:
		return p.process.Signal(sig)
	}
}

// Tail is the end of the child's output.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-2000):]
	return string(bytes.TrimSpace(text))
}

// FreeAddr finds a free port of 127.0.0.1, below those that the kernel assigns to
// outgoing connections, of which a drill makes thousands.
func FreeAddr() (addr string, err error) {
	for range 100 {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(22_000+rand.IntN(10_000)))
		l, taken := net.Listen("tcp", addr)
		if taken != nil {
			err = taken
			continue
		}
		return addr, l.Close()
	}
	return "", fmt.Errorf("finding a free port: %w", err)
}
