package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps the namespaces that have names.
const netnsDir = "/run/netns"

// A Namespace is a host of the lab, with interfaces, routes, sockets and
// settings of its own.
type Namespace struct{ Name string }

// Do calls f inside of the namespace. Sockets that f opens stay there; goroutines that
// it starts run outside.
func (n *Namespace) Do(f func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		leave, err := n.enter()
		if err == nil {
			err = f()
			leave()
		} else {
			runtime.UnlockOSThread()
		}
		failed <- err
	}()
	return <-failed
}

// enter moves this thread into the namespace. A thread that cannot be moved back
// stays locked, and ends with its goroutine: it must not work for others.
func (n *Namespace) enter() (leave func(), err error) {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("entering %s: %w", n.Name, err)
	}
	there, err := os.Open(filepath.Join(netnsDir, n.Name))
	if err == nil {
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		there.Close()
	}
	if err != nil {
		home.Close()
		return nil, fmt.Errorf("entering %s: %w", n.Name, err)
	}
	return func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		home.Close()
	}, nil
}

// Command is a program that will run inside of the namespace, and end with this
// process. It has a /sys of the namespace's own, in which no file system for BPF
// is mounted: pins of such a program have to be somewhere else.
func (n *Namespace) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.Name, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Dial connects from inside of the namespace, from an address of it if one is
// given. address is numeric.
func (n *Namespace) Dial(ctx context.Context, from netip.AddrPort, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	err = n.Do(func() error {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens inside of the namespace.
func (n *Namespace) Listen(network, address string) (l net.Listener, err error) {
	err = n.Do(func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// Set sets a kernel parameter of the namespace, such as net.ipv4.ip_forward.
func (n *Namespace) Set(parameter, value string) error {
	return n.Do(func() error {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(parameter, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("setting %s of %s to %q: %w", parameter, n.Name, value, err)
		}
		return nil
	})
}

// ip runs lines of iproute2's ip in the namespace.
func (n *Namespace) ip(lines ...string) error {
	cmd := exec.Command("ip", "-n", n.Name, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up %s: %w: %s", n.Name, err, bytes.TrimSpace(out))
	}
	return nil
}

func addNamespace(name string) (*Namespace, error) {
	if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making the network namespace %s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return &Namespace{name}, nil
}

func (n *Namespace) delete() error {
	if out, err := exec.Command("ip", "netns", "del", n.Name).CombinedOutput(); err != nil {
		return fmt.Errorf("removing the network namespace %s: %w: %s", n.Name, err, bytes.TrimSpace(out))
	}
	return nil
}

// sweep removes what dead processes have left behind. What has this process's ID is of
// an earlier process with the same ID.
func sweep() error {
	return errors.Join(
		sweepDir(netnsDir, func(name string) error { return (&Namespace{name}).delete() }),
		sweepDir(runDir, func(name string) error { return unmount(filepath.Join(runDir, name)) }))
}

func sweepDir(dir string, remove func(name string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for leftovers of earlier labs: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		var pid int
		if _, err := fmt.Sscanf(entry.Name(), prefix+"%d-", &pid); err != nil || pid <= 0 {
			continue
		}
		if pid != os.Getpid() && !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			continue
		}
		err := remove(entry.Name())
		if _, gone := os.Stat(filepath.Join(dir, entry.Name())); err != nil && gone == nil { // otherwise another process was faster
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
