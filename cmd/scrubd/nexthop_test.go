//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeTunnel writes a policy file with a tunnel from the host to this address.
func (h *host) writeTunnel(to, daemon string) {
	h.t.Helper()
	text := fmt.Sprintf("interfaces: [s0]\npolicies:\n  - {name: centre, protect: [203.0.113.0/24], tunnel: {from: %s, to: %s}}\ndaemon:\n  socket: %s\n  pins: %s\n%s",
		hostAddr, to, h.sockPath, h.pins, daemon)
	if err := os.WriteFile(h.config, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// keepaliveEvery is the interval of scrubd/daemon.
const keepaliveEvery = 2 * time.Second

func (h *host) forwarding(value string) {
	h.t.Helper()
	h.within(h.ns, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/s0/forwarding", []byte(value), 0)
	})
}

// knowsNexthop reports whether the host knows the client's link address, within
// this time.
func (h *host) knowsNexthop(within time.Duration) bool {
	h.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(h.run(h.ip, "-n", h.ns, "neigh", "show", clientAddr.String(), "dev", "s0"), "lladdr") {
			return true
		}
	}
	return false
}

// TestNexthopKeepalive has a host that sends nothing itself know the next
// hop of a tunnel, and know it again when it was forgotten.
func TestNexthopKeepalive(t *testing.T) {
	h := newHost(t)
	r := h.start()
	if h.knowsNexthop(200 * time.Millisecond) {
		t.Fatal("the host knows the next hop without a tunnel")
	}
	h.forwarding("0")
	h.writeTunnel(clientAddr.String(), "")
	if out, err := h.tries("policy", "reload"); err == nil || !strings.Contains(out, "sysctl net.ipv4.conf.s0.forwarding is 0, not 1") {
		t.Errorf("a reload that needs what scrubd may not set any more says %s", out)
	}
	h.forwarding("1")
	h.ask("policy", "reload")
	if !h.knowsNexthop(10 * time.Second) {
		t.Error("after a reload with a tunnel the host does not know the next hop")
	}
	h.end(r, syscall.SIGTERM)
	h.forwarding("0")
	h.start()
	for range 2 {
		h.run(h.ip, "-n", h.ns, "neigh", "flush", "dev", "s0")
		if !h.knowsNexthop(5 * keepaliveEvery) {
			t.Error("the host has lost the next hop for good")
		}
	}
	if s := h.status(); len(s.Tunnels) != 1 || s.Tunnels[0].Unreachable != "" || s.Tunnels[0].To != clientAddr {
		t.Errorf("status says of tunnels %+v", s.Tunnels)
	}
	if out := h.ask("status"); !strings.Contains(out, "tunnel    198.51.100.1 to 198.51.100.2: reachable") {
		t.Errorf("status says\n%s", out)
	}
}

func TestUnreachableNexthop(t *testing.T) {
	h := newHost(t)
	h.end(h.start(), syscall.SIGTERM) // it sets the other sysctls
	h.writeTunnel("198.51.100.77", "  sysctls: check\n")
	h.forwarding("0")
	if out := h.fails(); !strings.Contains(out, "sysctl net.ipv4.conf.s0.forwarding is 0, not 1") {
		t.Errorf("it says:\n%s", out)
	}
	h.writeTunnel("198.51.100.77", "")
	h.start()
	lost := func() bool {
		s := h.status()
		return len(s.Tunnels) == 1 && strings.Contains(s.Tunnels[0].Unreachable, "no route to host")
	}
	began := time.Now()
	for !lost() && time.Since(began) < 15*time.Second {
		time.Sleep(100 * time.Millisecond)
	}
	for range 50 {
		if !lost() {
			t.Fatal("status does not know that the far end is unreachable")
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.run(h.ip, "-n", h.clientNS, "addr", "add", "198.51.100.77/24", "dev", "c0")
	for began := time.Now(); lost(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			t.Fatal("the far end is reachable again, and status does not know it")
		}
	}
}

// tries runs a command of an operator that may fail.
func (h *host) tries(args ...string) (string, error) {
	out, err := exec.Command(h.bin, append(args, "--socket", h.sockPath)...).CombinedOutput()
	return string(out), err
}
