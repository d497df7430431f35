package bench

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

// A process is a child of the drill. It ends with its context, and at the latest
// with the drill.
type process struct {
	name string
	log  string // file of its output
	pid  int
	end  context.CancelFunc
	done chan struct{}
	err  error // of Wait, once done is closed
}

// startTimeout is how long a child may take to accept connections.
const startTimeout = 20 * time.Second

// start starts a child in dir, with env added to the drill's environment.
func start(ctx context.Context, dir, name string, env []string, path string, args ...string) (*process, error) {
	ctx, end := context.WithCancel(ctx)
	p := &process{name: name, log: filepath.Join(dir, name+".log"), end: end, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		end()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	started := make(chan error, 1)
	go func() {
		// The kernel ends the child when the thread that started it ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		end()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p.pid = cmd.Process.Pid
	return p, nil
}

// ready waits until the child accepts connections at addr.
func (p *process) ready(ctx context.Context, addr string) error {
	late := time.After(startTimeout)
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return fmt.Errorf("starting %s: %w", p.name, p.ended())
		case <-late:
			return fmt.Errorf("starting %s: nothing accepts connections at %s after %s; it printed:\n%s", p.name, addr, startTimeout, p.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// alive returns an error if the child has ended by itself.
func (p *process) alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w", p.name, p.ended())
	default:
		return nil
	}
}

// ended is the error of a child that should not have ended.
func (p *process) ended() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("it ended (%s) and printed:\n%s", how, p.tail())
}

// stop ends the child and waits for it.
func (p *process) stop() {
	p.end()
	<-p.done
}

// tail is the end of the child's output.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-2000):]
	return string(bytes.TrimSpace(text))
}

// freeAddr finds a free port of 127.0.0.1, below those that the kernel assigns to
// outgoing connections, of which a drill makes thousands.
func freeAddr() (addr string, err error) {
	for range 100 {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(22_000)))
		l, taken := net.Listen("tcp", addr)
		if taken != nil {
			err = taken
			continue
		}
		return addr, l.Close()
	}
	return "", fmt.Errorf("finding a free port: %w", err)
}
