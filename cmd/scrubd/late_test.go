//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/test/need"
)

// plug makes the cable between the client and s0; with an index, s0 has that one.
func (h *host) plug(index int) {
	h.t.Helper()
	add := []string{"link", "add", "s0", "netns", h.ns}
	if index > 0 {
		add = append(add, "index", strconv.Itoa(index))
	}
	h.run(h.ip, append(add, "type", "veth", "peer", "name", "c0", "netns", h.clientNS)...)
	h.run(h.ip, "-n", h.ns, "addr", "add", hostAddr.String()+"/24", "dev", "s0")
	h.run(h.ip, "-n", h.clientNS, "addr", "add", clientAddr.String()+"/24", "dev", "c0")
	h.run(h.ip, "-n", h.ns, "link", "set", "s0", "up")
	h.run(h.ip, "-n", h.clientNS, "link", "set", "c0", "up")
}

// unplug deletes s0, and with it c0.
func (h *host) unplug() {
	h.t.Helper()
	h.run(h.ip, "-n", h.ns, "link", "del", "s0")
}

// attachment is what status says of an interface of the policy file.
func (h *host) attachment(name string) (a daemon.Attachment) {
	h.t.Helper()
	for _, a := range h.status().Attached {
		if a.Interface == name {
			return a
		}
	}
	h.t.Fatalf("status has no %s", name)
	return a
}

// isOn waits until the program is attached to an interface.
func (h *host) isOn(name string) bool {
	h.t.Helper()
	return soon(func() bool { a := h.attachment(name); return a.On() && a.Renamed == "" && h.attached(name) })
}

// startAsUnit starts a scrubd with the capabilities of its unit, which it drops.
func (h *host) startAsUnit() *running {
	h.t.Helper()
	unit, err := os.ReadFile("scrubd.service")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.start(need.Setpriv(h.t), "--bounding-set", boundingSet(string(unit)))
}

// TestInterfaceComesLate: scrubd starts without an interface, and attaches to it when
// it comes, also by a new name, although it has dropped all privileges.
func TestInterfaceComesLate(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.unplug()
	const metrics = "127.0.0.1:9180"
	h.write("interfaces: [s0, s1, late0]", "  user: nobody\n  metrics: "+metrics+"\n")
	r := h.startAsUnit()
	h.ask("deny", "add", clientAddr.String())
	for _, name := range []string{"s0", "late0"} {
		if a := h.attachment(name); !a.Missing || a.On() {
			t.Errorf("status has %+v", a)
		}
	}
	if out := h.ask("status"); !strings.Contains(out, "late0 MISSING: there is no such interface") {
		t.Errorf("status says\n%s", out)
	}
	if out := h.scrape(metrics); !strings.Contains(out, `theriac_scrub_attached{interface="s0",mode="none"} 0`) {
		t.Errorf("the metric of one that is missing says\n%s", out)
	}
	h.plug(0)
	if !h.isOn("s0") {
		t.Fatalf("an interface that comes late: %+v", h.attachment("s0"))
	}
	if got := h.send(); got != 0 || packetsFor(h.status(), "denied") == 0 {
		t.Errorf("%d packets of a denied source arrived through it", got)
	}
	h.run(h.ip, "-n", h.ns, "link", "add", "wrong0", "type", "veth", "peer", "name", "far0")
	h.rename("wrong0", "late0")
	if !h.isOn("late0") {
		t.Errorf("an interface that gets its name late: %+v", h.attachment("late0"))
	}
	for _, want := range []string{`theriac_scrub_attached{interface="s0",mode="native"} 1`, `theriac_scrub_late_attachments_total{outcome="done"} 2`} {
		if out := h.scrape(metrics); !strings.Contains(out, want) {
			t.Errorf("no metric %s:\n%s", want, out)
		}
	}
	for _, complaint := range privilegesOf(t, r.Process.Pid) {
		t.Error(complaint)
	}
	h.end(r, syscall.SIGKILL)
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived after scrubd was killed", got)
	}
}

// TestInterfaceComesBack: one that is made again is attached again, by another index or
// by the same one, and after scrubd was restarted. What `scrubd unload` takes off is not.
func TestInterfaceComesBack(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.write("interfaces: [s0, s1]", "  user: nobody\n")
	r := h.startAsUnit()
	h.ask("deny", "add", clientAddr.String())
	for round := range 3 {
		index := h.attachment("s0").Index
		h.unplug()
		if round == 1 {
			if !soon(func() bool { return h.attachment("s0").Missing }) {
				t.Errorf("one that is gone: %+v", h.attachment("s0"))
			}
			h.end(r, syscall.SIGTERM)
			r = h.startAsUnit()
		}
		if round == 0 {
			index = 0 // whatever the kernel chooses
		}
		h.plug(index)
		if !h.isOn("s0") {
			t.Fatalf("round %d: %+v", round, h.attachment("s0"))
		}
		if got := h.send(); got != 0 {
			t.Errorf("round %d: %d packets of a denied source arrived", round, got)
		}
	}
	// Through another network namespace, in which its index is taken.
	index := h.attachment("s0").Index
	h.run(h.ip, "-n", h.clientNS, "link", "add", "taken", "index", strconv.Itoa(index), "type", "veth", "peer", "name", "taken1")
	h.run(h.ip, "-n", h.ns, "link", "set", "s0", "netns", h.clientNS)
	if !soon(func() bool { return h.attachment("s0").Missing }) {
		t.Errorf("one that was moved away: %+v", h.attachment("s0"))
	}
	h.run(h.ip, "-n", h.clientNS, "link", "set", "s0", "netns", h.ns)
	h.run(h.ip, "-n", h.ns, "addr", "add", hostAddr.String()+"/24", "dev", "s0")
	h.run(h.ip, "-n", h.ns, "link", "set", "s0", "up")
	if !h.isOn("s0") {
		t.Errorf("one that was moved and has come back: %+v", h.attachment("s0"))
	}
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived after it was moved", got)
	}
	h.run(h.ip, "netns", "exec", h.ns, h.bin, "unload", "--config", h.config)
	h.rename("s1", "other")
	h.rename("other", "s1")
	if got := h.send(); got == 0 {
		t.Error("the negative control: after unload nothing arrives")
	}
	h.unplug()
	h.plug(0)
	if !soon(func() bool { return strings.Contains(h.attachment("s0").Refused, "unloaded") }) || h.attached("s0") {
		t.Errorf("what was unloaded is attached again: %+v", h.attachment("s0"))
	}
}

// TestLateInterfaceThatIsRefused: one without Ethernet, or with a program of somebody
// else, is named, and attached once it can be.
func TestLateInterfaceThatIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.unplug()
	h.write("interfaces: [s0, s1, tun0]", "  user: nobody\n")
	r := h.startAsUnit()
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tun0", "mode", "tun")
	if !soon(func() bool { return strings.Contains(h.attachment("tun0").Refused, "no Ethernet header") }) || h.attached("tun0") {
		t.Errorf("a late tun device: %+v", h.attachment("tun0"))
	}
	if out := h.ask("status"); !strings.Contains(out, "tun0 NOT ATTACHED, tried again every few seconds: scrub: the packets of tun0 have no Ethernet header") {
		t.Errorf("status says\n%s", out)
	}
	h.run(h.ip, "-n", h.ns, "tuntap", "del", "dev", "tun0", "mode", "tun")
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tun0", "mode", "tap")
	if !h.isOn("tun0") {
		t.Errorf("another device of the name, with Ethernet: %+v", h.attachment("tun0"))
	}
	h.run(h.ip, "-n", h.ns, "link", "add", "other0", "type", "veth", "peer", "name", "far0")
	h.occupy("other0")
	h.rename("other0", "s0")
	if !soon(func() bool {
		return strings.Contains(h.attachment("s0").Refused, "another XDP program is attached to s0: ")
	}) {
		t.Errorf("a late interface with another program: %+v", h.attachment("s0"))
	}
	h.here("unload", "--pins", filepath.Join(filepath.Dir(h.pins), "other"))
	if !h.isOn("s0") {
		t.Errorf("after the other program was taken off: %+v", h.attachment("s0"))
	}
	h.end(r, syscall.SIGTERM)
	if n := strings.Count(r.log.String(), "cannot attach to an interface"); n != 2 {
		t.Errorf("two refusals are logged %d times:\n%s", n, r.log)
	}
}

// TestStartUnderAnOldName: an interface was renamed, and scrubd is restarted with the
// name that it had. It stays attached, since it may be the one that is missing.
func TestStartUnderAnOldName(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.write("interfaces: [s0]", "")
	h.end(h.start(), syscall.SIGTERM)
	h.rename("s0", "wan0")
	h.start()
	h.ask("deny", "add", clientAddr.String())
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived", got)
	}
	if a := h.status().Attached; len(a) != 2 || !a[0].Missing || a[1].Interface != "wan0" || !a[1].Unnamed {
		t.Errorf("status has %+v", a)
	}
	if out := h.ask("status"); !strings.Contains(out, "wan0 native, NOT IN THE POLICY FILE") {
		t.Errorf("status says\n%s", out)
	}
	h.run(h.ip, "-n", h.ns, "link", "del", "wan0")
	h.plug(0)
	if !h.isOn("s0") {
		t.Errorf("the one that was missing: %+v", h.attachment("s0"))
	}
	if !soon(func() bool { return len(h.status().Attached) == 1 }) {
		t.Errorf("after it has come back, status has %+v", h.status().Attached)
	}
}

// TestJumboFrames: where the MTU keeps the driver from running the program, check and
// status name it, and what helps.
func TestJumboFrames(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	check := func() string {
		t.Helper()
		return h.here("check", "--config", h.config)
	}
	const cause = "generic, at several times the cost: the MTU 9000 is above 3498, about the most at which drivers run a program that sees a packet in one page; try: ip link set dev s0 mtu 3498"
	h.run(h.ip, "-n", h.ns, "link", "set", "s0", "mtu", "9000")
	h.run(h.ip, "-n", h.clientNS, "link", "set", "c0", "mtu", "9000")
	if out := check(); !strings.Contains(out, cause) {
		t.Errorf("before the start, a check says\n%s", out)
	}
	r := h.start()
	if out := h.ask("status"); !strings.Contains(out, "s0 "+cause) {
		t.Errorf("status says\n%s", out)
	}
	if h.send() == 0 {
		t.Error("nothing arrives")
	}

	// The cure, as it is written.
	for ns, name := range map[string]string{h.ns: "s0", h.clientNS: "c0"} {
		h.run(h.ip, "-n", ns, "link", "set", name, "mtu", "3498")
	}
	h.here("unload", "--config", h.config)
	h.end(r, syscall.SIGTERM)
	h.start()
	if out := h.ask("status"); !strings.Contains(out, "s0 native\n") {
		t.Errorf("after it was cured, status says\n%s", out)
	}
	if out := check(); !strings.Contains(out, "interface s0                    ok  native") {
		t.Errorf("after it was cured, a check says\n%s", out)
	}
}
