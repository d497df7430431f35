//go:build linux

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// agentFollows: the agent's metrics show a sysctl that drifts, and do not call a
// renamed interface detached.
func (h *host) agentFollows() {
	h.t.Helper()
	has := func(metric string) {
		h.t.Helper()
		if text := h.agentMetrics(); !strings.Contains(text, metric) {
			h.t.Errorf("no metric %s:\n%s", metric, text)
		}
	}
	h.filterSources("1")
	has(`theriac_scrub_agent_sysctl_ok{sysctl="net.ipv4.conf.s0.rp_filter"} 0`)
	if out := h.here("agent", "status", "--config", h.config); !strings.Contains(out, "sysctl    net.ipv4.conf.s0.rp_filter is 1, not 2: ") {
		h.t.Errorf("status says\n%s", out)
	}
	h.filterSources("2")
	has(`theriac_scrub_agent_sysctl_ok{sysctl="net.ipv4.conf.s0.rp_filter"} 1`)
	if out := h.here("agent", "status", "--config", h.config); strings.Contains(out, "sysctl ") || strings.Contains(out, "NOT ATTACHED") {
		h.t.Errorf("status says\n%s", out)
	}
	h.rename("s1", "back")
	has(`theriac_scrub_agent_attached{direction="egress",interface="s1"} 1`)
	if out := h.here("agent", "status", "--config", h.config); !strings.Contains(out, "s1 NOT ATTACHED: ") || !strings.Contains(out, "out on back\n") {
		h.t.Errorf("status says\n%s", out)
	}
	h.rename("back", "s1")
}

// rename renames an interface, which must be down for that.
func (h *host) rename(from, to string) {
	h.t.Helper()
	for _, change := range [][]string{{from, "down"}, {from, "name", to}, {to, "up"}} {
		h.run(h.ip, append([]string{"-n", h.ns, "link", "set"}, change...)...)
	}
}

// TestRenamedInterface: the program stays at an interface that is renamed, so status
// and metric must not say that it is gone; and status says what the next start needs.
func TestRenamedInterface(t *testing.T) {
	h := newHost(t)
	const metrics = "127.0.0.1:9180"
	h.write("interfaces: [s0, s1]", "  metrics: "+metrics+"\n")
	r := h.start()
	h.ask("deny", "add", clientAddr.String())
	h.rename("s0", "wan0")
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived", got)
	}
	if a := h.status().Attached; len(a) != 2 || a[0].Detached || a[0].Renamed != "wan0" || a[1].Detached || a[1].Renamed != "" {
		t.Errorf("status has %+v", a)
	}
	if out := h.ask("status"); !strings.Contains(out, "RENAMED to wan0: name it so in the policy file before the next restart") {
		t.Errorf("status says\n%s", out)
	}
	if out := h.scrape(metrics); !strings.Contains(out, `theriac_scrub_attached{interface="s0",mode="native"} 1`) {
		t.Errorf("the metric says\n%s", out)
	}

	// It comes back under its new name.
	h.run(h.ip, "-n", h.ns, "link", "del", "wan0")
	h.plug(0)
	h.rename("s0", "wan0")
	if !soon(func() bool { return h.attachment("s0").Renamed == "wan0" && h.attached("wan0") }) {
		t.Errorf("made again under its new name: %+v", h.attachment("s0"))
	}
	if got := h.send(); got != 0 {
		t.Errorf("%d packets of a denied source arrived", got)
	}

	// What status asks for, and then the negative control: an interface that is gone.
	h.end(r, syscall.SIGTERM)
	h.write("interfaces: [wan0, s1]", "  metrics: "+metrics+"\n")
	h.start()
	if a := h.status().Attached; len(a) != 2 || a[0].Detached || a[0].Renamed != "" {
		t.Errorf("after a start with the new name: %+v", a)
	}
	h.run(h.ip, "-n", h.ns, "link", "del", "wan0")
	if a := h.status().Attached; len(a) != 2 || !a[0].Missing || !a[1].On() {
		t.Errorf("after one is gone: %+v", a)
	}
	if out := h.scrape(metrics); !strings.Contains(out, `theriac_scrub_attached{interface="wan0",mode="native"} 0`) {
		t.Errorf("the metric of one that is gone says\n%s", out)
	}
}

// TestSysctlOfRenamedInterface: the sysctl of an interface that is renamed is read
// under its new name. Under the old one there is none, which counts as right.
func TestSysctlOfRenamedInterface(t *testing.T) {
	h := newHost(t)
	h.writeTunnel(clientAddr.String(), "")
	h.start()
	h.rename("s0", "wan0")
	if out := h.ask("status"); strings.Contains(out, "forwarding is ") {
		t.Errorf("before it is changed status says\n%s", out)
	}
	h.within(h.ns, func() error { return os.WriteFile("/proc/sys/net/ipv4/conf/wan0/forwarding", []byte("0"), 0) })
	if out := h.ask("status"); !strings.Contains(out, "sysctl    net.ipv4.conf.wan0.forwarding is 0, not 1: ") {
		t.Errorf("status says\n%s", out)
	}
}
