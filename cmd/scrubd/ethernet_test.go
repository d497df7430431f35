//go:build linux

package main

import (
	"strings"
	"testing"
)

// TestInterfacesWithoutEthernet: the program is attached to no interface whose
// packets have no Ethernet header, since it would misread each of them, and not to
// the others of the policy file either.
func TestInterfacesWithoutEthernet(t *testing.T) {
	h := newHost(t)
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tun0", "mode", "tun")
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tap0", "mode", "tap") // with Ethernet: the negative control
	h.write("interfaces: [s0, tun0]", "")
	out := h.fails()
	if !strings.Contains(out, "the packets of tun0 have no Ethernet header") || !strings.Contains(out, "try: name interfaces with Ethernet only") {
		t.Errorf("it says:\n%s", out)
	}
	if h.attached("s0") || h.attached("tun0") {
		t.Error("a start that was refused has attached the program")
	}
	h.write("interfaces: [s0, tap0, lo]", "")
	h.start()
	for _, name := range []string{"s0", "tap0"} {
		if !h.attached(name) {
			t.Errorf("%s is not attached although it is Ethernet", name)
		}
	}
}
