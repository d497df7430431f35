//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/test/need"
)

// A host is a network namespace with a scrubd of its own, and a client in
// another one. The host serves UDP port 9 at hostAddr.
type host struct {
	t                *testing.T
	ip               string // iproute2
	ns, clientNS     string
	dir, pins, bin   string
	received         atomic.Int64 // by the service at port 9
	sent             atomic.Int64 // by clients
	config, sockPath string
}

var (
	hostAddr   = netip.MustParseAddr("198.51.100.1")
	clientAddr = netip.MustParseAddr("198.51.100.2")
)

var hosts atomic.Int64

// newHost makes a host with two interfaces, s0 and s1; the client is behind s0.
func newHost(t *testing.T) *host {
	t.Helper()
	need.BPF(t)
	h := &host{t: t, ip: need.NetNS(t), dir: need.OpenDir(t)}
	n := hosts.Add(1)
	h.ns, h.clientNS = fmt.Sprintf("th-%d-%d-s", os.Getpid(), n), fmt.Sprintf("th-%d-%d-c", os.Getpid(), n)
	for _, ns := range []string{h.ns, h.clientNS} {
		h.run(h.ip, "netns", "add", ns)
		t.Cleanup(func() { h.run(h.ip, "netns", "del", ns) })
		h.run(h.ip, "-n", ns, "link", "set", "lo", "up")
	}
	for i, addrs := range [][2]string{{hostAddr.String(), clientAddr.String()}, {"192.0.2.1", "192.0.2.2"}} {
		s, c := fmt.Sprintf("s%d", i), fmt.Sprintf("c%d", i)
		h.run(h.ip, "link", "add", s, "netns", h.ns, "type", "veth", "peer", "name", c, "netns", h.clientNS)
		h.run(h.ip, "-n", h.ns, "addr", "add", addrs[0]+"/24", "dev", s)
		h.run(h.ip, "-n", h.clientNS, "addr", "add", addrs[1]+"/24", "dev", c)
		h.run(h.ip, "-n", h.ns, "link", "set", s, "up")
		h.run(h.ip, "-n", h.clientNS, "link", "set", c, "up")
	}
	bpf := filepath.Join(h.dir, "bpf")
	if err := errors.Join(os.Mkdir(bpf, 0o700), unix.Mount("bpf", bpf, "bpf", 0, "")); err != nil {
		t.Fatalf("mounting a BPF file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(bpf, unix.MNT_DETACH); err != nil { // a scrubd may be about to end
			t.Errorf("unmounting the BPF file system: %v", err)
		}
	})
	h.pins, h.sockPath = filepath.Join(bpf, "theriac"), filepath.Join(h.dir, "run", "s.sock")
	h.config, h.bin = filepath.Join(h.dir, "scrubd.yaml"), filepath.Join(h.dir, "scrubd")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, h.bin); err != nil {
		t.Fatal(err)
	}
	h.write("interfaces: [s0]", "")
	h.serve()
	return h
}

// write writes the policy file.
func (h *host) write(top, daemon string) {
	h.t.Helper()
	text := fmt.Sprintf("%s\npolicies:\n  - {name: shops, protect: [%s], udp: [9]}\nsample: 1\ndaemon:\n  socket: %s\n  pins: %s\n%s",
		top, hostAddr, h.sockPath, h.pins, daemon)
	if err := os.WriteFile(h.config, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) run(name string, args ...string) string {
	h.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// within runs call on a thread in a network namespace. The thread ends after
// it.
func (h *host) within(ns string, call func() error) {
	h.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		fd, err := unix.Open("/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = errors.Join(unix.Setns(fd, unix.CLONE_NEWNET), unix.Close(fd))
		}
		if err == nil {
			err = call()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
}

// serve counts what arrives at the service.
func (h *host) serve() { h.serveAt(hostAddr, &h.received) }

// serveAt counts datagrams to port 9 of an address of the host.
func (h *host) serveAt(addr netip.Addr, received *atomic.Int64) {
	var fd int
	h.within(h.ns, func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		patience := unix.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
		return errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
			unix.Bind(fd, &unix.SockaddrInet4{Port: 9, Addr: addr.As4()}))
	})
	var ending atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 64)
		for !ending.Load() {
			if n, err := unix.Read(fd, buffer); err == nil && n > 0 {
				received.Add(1)
			}
		}
	}()
	h.t.Cleanup(func() { ending.Store(true); <-ended; unix.Close(fd) })
}

// leastSent is how many packets a sender has sent at least when it is stopped,
// however busy the machine is.
const leastSent = 20

// soon waits until a condition holds, and reports whether it did within 20 s.
// It costs nothing where it holds at once, and a busy machine takes its time.
func soon(holds func() bool) bool {
	for began := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			return false
		}
	}
	return true
}

// client sends to the service until stop is called, which returns how many
// packets it has sent.
func (h *host) client() (stop func() int64) {
	var fd int
	h.within(h.clientNS, func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Connect(fd, &unix.SockaddrInet4{Port: 9, Addr: hostAddr.As4()})
	})
	var ending atomic.Bool
	var sent int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tries := 0; (!ending.Load() || sent < leastSent) && tries < 100_000; tries++ {
			if _, err := unix.Write(fd, []byte("packet")); err == nil {
				sent++
				h.sent.Add(1)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return func() int64 { ending.Store(true); <-ended; unix.Close(fd); return sent }
}

// send sends some packets, and returns how many of them arrived.
func (h *host) send() int64 {
	before := h.received.Load()
	stop := h.client()
	time.Sleep(100 * time.Millisecond)
	stop()
	time.Sleep(50 * time.Millisecond)
	return h.received.Load() - before
}
