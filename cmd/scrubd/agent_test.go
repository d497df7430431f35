//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
	"github.com/theriac-edge/theriac/test/need"
)

// insideAddr is what the host serves through a tunnel from the client.
var insideAddr = netip.MustParseAddr("203.0.113.9")

const agentMetrics = "127.0.0.1:9181"

// writeAgent writes an agent's policy file.
func (h *host) writeAgent(more, daemon string) {
	h.t.Helper()
	text := fmt.Sprintf("interfaces: [s0]\negress: [s1]\nlocal: [%s]\npeers: [%s]\nprotect: [203.0.113.0/24]\n%sdaemon:\n  metrics: %s\n  pins: %s\n%s",
		hostAddr, clientAddr, more, agentMetrics, h.pins, daemon)
	if err := os.WriteFile(h.config, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// startAgent starts an agent and waits until it answers.
func (h *host) startAgent(before ...string) *running {
	h.t.Helper()
	r := h.launch(append(before, h.bin, "agent", "run", "--config", h.config)...)
	for range 500 {
		select {
		case err := <-r.ended:
			h.t.Fatalf("the agent has ended: %v\n%s", err, r.log)
		case <-time.After(10 * time.Millisecond):
		}
		if h.agentMetrics() != "" {
			return r
		}
	}
	h.t.Fatal("the agent does not answer")
	return nil
}

// agentMetrics are the agent's metrics; empty: it does not answer.
func (h *host) agentMetrics() string { return h.scrape(agentMetrics) }

// agentState is what `scrubd agent status` returns.
func (h *host) agentState() (s agent.State) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.here("agent", "status", "--json", "--config", h.config)), &s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// here runs a command of an operator in the host's network namespace.
func (h *host) here(args ...string) string {
	h.t.Helper()
	var out strings.Builder
	cmd := exec.Command(h.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	h.within(h.ns, cmd.Start)
	if err := cmd.Wait(); err != nil {
		h.t.Fatalf("%v: %v: %s", args, err, out.String())
	}
	return out.String()
}

func packetsOf(s agent.State, reason string) uint64 {
	for _, tally := range s.Tallies {
		if tally.Reason.String() == reason {
			return tally.Packets
		}
	}
	return 0
}

// tunnel has the client send datagrams to insideAddr through a tunnel that
// begins at this address, until stop is called, which returns how many it sent.
func (h *host) tunnel(from netip.Addr) (stop func() uint64) {
	h.t.Helper()
	packet := lab.Build(lab.IPv4{Src: from, Dst: hostAddr}, lab.GRE{}, lab.IPv4{Src: netip.MustParseAddr("10.9.9.9"), Dst: insideAddr},
		lab.UDP{From: 4711, To: 9}, lab.Payload("a datagram"))
	var fd int
	h.within(h.clientNS, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	var ending atomic.Bool
	var sent uint64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tries := 0; (!ending.Load() || sent < leastSent) && tries < 100_000; tries++ {
			if unix.Sendto(fd, packet.Bytes, 0, &unix.SockaddrInet4{Addr: hostAddr.As4()}) == nil {
				sent++
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return func() uint64 { ending.Store(true); <-ended; unix.Close(fd); return sent }
}

// filterSources says how s0 filters sources.
func (h *host) filterSources(how string) {
	h.t.Helper()
	h.within(h.ns, func() error { return os.WriteFile("/proc/sys/net/ipv4/conf/s0/rp_filter", []byte(how), 0) })
}

// getsThrough reports whether decapsulated packets arrive.
func (h *host) getsThrough(inside *atomic.Int64) bool {
	h.t.Helper()
	before := inside.Load()
	stop := h.tunnel(clientAddr)
	stop()
	time.Sleep(200 * time.Millisecond) // for those that do not arrive
	return inside.Load() > before
}

// TestAgentGoesOnWithoutItsProcess kills an agent under a stream of packets out
// of a tunnel, starts it again, restarts it: each arrives, and is counted.
func TestAgentGoesOnWithoutItsProcess(t *testing.T) {
	h := newHost(t)
	h.run(h.ip, "-n", h.ns, "addr", "add", insideAddr.String()+"/32", "dev", "lo")
	h.run(h.ip, "-n", h.ns, "route", "add", "default", "via", "192.0.2.2", "dev", "s1")
	var inside atomic.Int64
	h.serveAt(insideAddr, &inside)
	h.within(h.ns, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/all/rp_filter", []byte("1"), 0)
	})
	h.filterSources("1")
	h.writeAgent("", "")
	r := h.startAgent()
	stop := h.tunnel(clientAddr)
	time.Sleep(100 * time.Millisecond)
	h.end(r, syscall.SIGKILL)
	time.Sleep(100 * time.Millisecond)
	before := packetsOf(h.agentState(), "decapsulated")
	if !soon(func() bool { return packetsOf(h.agentState(), "decapsulated") >= before+20 }) {
		t.Errorf("without its process the agent decapsulated %d packets", packetsOf(h.agentState(), "decapsulated")-before)
	}
	r = h.startAgent()
	h.end(r, syscall.SIGTERM)
	r = h.startAgent()
	sent := stop()
	soon(func() bool { return uint64(inside.Load()) >= sent })
	if got, counted := uint64(inside.Load()), packetsOf(h.agentState(), "decapsulated"); got != sent || counted != sent {
		t.Errorf("%d packets were sent, %d arrived and %d were counted", sent, got, counted)
	}
	if h.filterSources("1"); h.getsThrough(&inside) {
		t.Error("packets whose source is routed over another interface pass a strict filter")
	}
	if h.filterSources("2"); !h.getsThrough(&inside) {
		t.Error("they do not pass a loose one")
	}
	arrived := inside.Load()
	strangers := h.tunnel(netip.MustParseAddr("198.51.100.66"))
	claimed := strangers()
	soon(func() bool { return packetsOf(h.agentState(), "stranger") >= claimed })
	s := h.agentState()
	if got := packetsOf(s, "stranger"); got != claimed || inside.Load() != arrived {
		t.Errorf("of %d packets of strangers %d were counted, and %d arrived", claimed, got, inside.Load()-arrived)
	}
	if !slices.Equal(s.Interfaces, []string{"s0"}) || !slices.Equal(s.Egress, []string{"s1"}) {
		t.Errorf("status says that it looks at %v and %v", s.Interfaces, s.Egress)
	}
	if out := h.here("agent", "status", "--pins", h.pins); !strings.Contains(out, "tunnels   from 198.51.100.2 to 198.51.100.1, in on s0\n") ||
		!strings.Contains(out, "the MSS of answers to 1436 (IPv4) and 1416 (IPv6) bytes, out on s1\n") {
		t.Errorf("status says\n%s", out)
	}
	text := h.agentMetrics()
	for _, want := range []string{
		fmt.Sprintf(`theriac_scrub_agent_packets_total{action="passed",reason="decapsulated"} %d`, packetsOf(s, "decapsulated")),
		fmt.Sprintf(`theriac_scrub_agent_packets_total{action="dropped",reason="stranger"} %d`, claimed),
		`theriac_scrub_agent_attached{direction="in",interface="s0"} 1`, `theriac_scrub_agent_attached{direction="egress",interface="s1"} 1`,
		`theriac_scrub_agent_sysctl_ok{sysctl="net.ipv4.conf.s0.rp_filter"} 1`,
		`theriac_scrub_agent_policy_reloads_total{outcome="done"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no metric %s:\n%s", want, text)
		}
	}
	h.agentFollows()

	// After a reload the client is not a peer any more. A reload that would need
	// a restart changes nothing.
	h.writeAgent("", "")
	raw, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(text, outcome string) {
		t.Helper()
		if err := errors.Join(os.WriteFile(h.config, []byte(text), 0o644), r.Process.Signal(syscall.SIGHUP)); err != nil {
			t.Fatal(err)
		}
		if !soon(func() bool {
			return strings.Contains(h.agentMetrics(), `theriac_scrub_agent_policy_reloads_total{outcome="`+outcome+`"} 1`)
		}) {
			t.Errorf("the reload is not %s", outcome)
		}
	}
	reload(strings.Replace(string(raw), "[s0]", "[s0, s1]", 1), "refused")
	reload(strings.Replace(string(raw), clientAddr.String(), "198.51.100.3", 1), "done")
	if s := h.agentState(); len(s.Peers) != 1 || s.Peers[0].Addr().String() != "198.51.100.3" {
		t.Errorf("peers are %v", s.Peers)
	}
	h.end(r, syscall.SIGTERM)
	if !strings.Contains(r.log.String(), "need a restart") {
		t.Errorf("it says:\n%s", r.log)
	}
	if out := h.here("agent", "unload", "--config", h.config); !strings.Contains(out, "detached from s0: nothing arrives through tunnels any more") {
		t.Errorf("unload says %s", out)
	}
	if h.attached("s0") {
		t.Error("unloaded, and still attached")
	}
	if out, err := exec.Command(h.bin, "agent", "status", "--pins", h.pins).CombinedOutput(); err == nil || !strings.Contains(string(out), "no agent of this release runs here") {
		t.Errorf("status says %s", out)
	}
}

// agentFails starts an agent that must not come up, and returns what it prints.
func (h *host) agentFails() string {
	h.t.Helper()
	r := h.launch(h.bin, "agent", "run", "--config", h.config)
	select {
	case err := <-r.ended:
		if err == nil {
			h.t.Error("the agent ended well")
		}
	case <-time.After(20 * time.Second):
		h.t.Fatal("the agent does not refuse to start")
	}
	return r.log.String()
}

// agentCheck returns what a check prints that finds something.
func (h *host) agentCheck() string {
	h.t.Helper()
	var out strings.Builder
	cmd := exec.Command(h.bin, "agent", "check", "--config", h.config)
	cmd.Stdout, cmd.Stderr = &out, &out
	h.within(h.ns, cmd.Start)
	if cmd.Wait() == nil {
		h.t.Error("a check finds nothing")
	}
	return out.String()
}

// TestAgentStartThatFailsIsUndone, on the way in and on the way back.
func TestAgentStartThatFailsIsUndone(t *testing.T) {
	h := newHost(t)
	h.writeAgent("", "  user: nobody-like-this\n")
	if out := h.agentFails(); !strings.Contains(out, `unknown user "nobody-like-this"`) {
		t.Errorf("it says:\n%s", out)
	}
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tun0", "mode", "tun")
	h.writeAgent("", "")
	raw, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.config, []byte(strings.Replace(string(raw), "[s1]", "[tun0]", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := h.agentFails(); !strings.Contains(out, "tun0") {
		t.Errorf("it says:\n%s", out)
	}
	if out := h.agentCheck(); !regexp.MustCompile(`egress tun0 +NO `).MatchString(out) {
		t.Errorf("a check says:\n%s", out)
	}
	if _, err := os.Stat(h.pins); err == nil || h.attached("s0") {
		t.Error("s0 is attached although tun0 could not be")
	}
}

// TestAgentCheck checks a host on which all is well, and one on which it is not.
func TestAgentCheck(t *testing.T) {
	h := newHost(t)
	h.filterSources("1")
	for daemon, want := range map[string]string{
		"":                    "net.ipv4.conf.s0.rp_filter  ok",
		"  sysctls: check\n":  "net.ipv4.conf.s0.rp_filter  NO",
		"  pins: elsewhere\n": `want an absolute path`,
	} {
		h.writeAgent("", "")
		if strings.Contains(daemon, "pins") {
			if err := os.WriteFile(h.config, []byte("interfaces: [s0]\nlocal: [192.0.2.1]\npeers: [192.0.2.2]\nprotect: [203.0.113.9]\ndaemon:\n"+daemon), 0o644); err != nil {
				t.Fatal(err)
			}
		} else {
			h.writeAgent("", daemon)
		}
		var out strings.Builder
		cmd := exec.Command(h.bin, "agent", "check", "--config", h.config)
		cmd.Stdout, cmd.Stderr = &out, &out
		h.within(h.ns, cmd.Start)
		err := cmd.Wait()
		if (err == nil) != (daemon == "") || !strings.Contains(out.String(), want) {
			t.Errorf("%q: %v\n%s", daemon, err, out.String())
		}
	}
}

func TestAgentUnit(t *testing.T) {
	raw, err := os.ReadFile("scrubd-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range unknown(string(raw)) {
		t.Error(complaint)
	}
	if !strings.Contains(string(raw), "ExecStart=/usr/bin/scrubd agent run --config "+policyfile.DefaultAgentPath+"\n") {
		t.Error("the unit starts another agent")
	}
	verify(t, string(raw))
	if _, err := policyfile.ReadAgent("agent.example.yaml"); err != nil {
		t.Error(err)
	}
}

// TestAgentKeepsNoPrivileges starts an agent with the capabilities of its unit, and
// has it reload after it has dropped them.
func TestAgentKeepsNoPrivileges(t *testing.T) {
	h := newHost(t)
	unit, err := os.ReadFile("scrubd-agent.service")
	if err != nil {
		t.Fatal(err)
	}
	h.writeAgent("", "  user: nobody\n")
	r := h.startAgent(need.Setpriv(t), "--bounding-set", boundingSet(string(unit)))
	for _, complaint := range privilegesOf(t, r.Process.Pid) {
		t.Error(complaint)
	}
	if err := r.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !soon(func() bool {
		return strings.Contains(h.agentMetrics(), `theriac_scrub_agent_policy_reloads_total{outcome="done"} 1`)
	}) {
		t.Error("without privileges the agent cannot reload its policy")
	}
}
