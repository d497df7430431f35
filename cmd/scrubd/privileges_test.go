//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/need"
)

// TestNoPrivilegesRemain starts scrubd with the capabilities of its unit, and has
// it do everything after it has dropped them.
func TestNoPrivilegesRemain(t *testing.T) {
	h := newHost(t)
	unit, err := os.ReadFile("scrubd.service")
	if err != nil {
		t.Fatal(err)
	}
	bounding := boundingSet(string(unit))
	h.write("interfaces: [s0]", "  user: nobody\n  edges: [daemon]\n")
	// Twice: the second time the socket's directory belongs to the user.
	h.end(h.start(need.Setpriv(t), "--bounding-set", bounding), syscall.SIGTERM)
	r := h.start(need.Setpriv(t), "--bounding-set", bounding)

	if raw, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"); err == nil && strings.TrimSpace(string(raw)) == "0" {
		t.Log("this kernel has unprivileged BPF enabled, so the test shows less")
	}
	for _, complaint := range privilegesOf(t, r.Process.Pid) {
		t.Error(complaint)
	}
	if s := h.status(); s.Privileges.Capabilities != "" || !s.Privileges.NoNew || s.Privileges.User != "nobody" {
		t.Errorf("status says %+v", s.Privileges)
	}
	h.works(r)
}

// boundingSet is the bounding set of a unit, in the form of setpriv.
func boundingSet(unit string) string {
	var set strings.Builder
	set.WriteString("-all")
	for _, name := range regexp.MustCompile(`\bCAP_(\w+)`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^CapabilityBoundingSet=.*$`).FindString(unit), -1) {
		set.WriteString(",+" + strings.ToLower(name[1]))
	}
	return set.String()
}

// privilegesOf complains of each thread of a process that has privileges left.
func privilegesOf(t *testing.T, pid int) (complaints []string) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("found %d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		raw, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		for _, want := range []string{
			`Uid:\s+65534\s+65534\s+65534\s+65534`, `Gid:\s+65534\s+65534\s+65534\s+65534`, `Groups:\s*`, `NoNewPrivs:\s+1`,
			`CapInh:\s+0+`, `CapPrm:\s+0+`, `CapEff:\s+0+`, `CapBnd:\s+0+`, `CapAmb:\s+0+`,
		} {
			if !regexp.MustCompile(`(?m)^` + want + `\s*$`).Match(raw) {
				complaints = append(complaints, fmt.Sprintf("%s: no line like %s in\n%s", task, want, raw))
			}
		}
	}
	return complaints
}

// works has a scrubd do everything that it can.
func (h *host) works(r *running) {
	t := h.t
	if got := h.send(); got == 0 {
		t.Error("nothing arrives")
	}
	if out := h.ask("top", "--once"); !strings.Contains(out, clientAddr.String()) {
		t.Errorf("top does not list the client:\n%s", out)
	}
	h.ask("deny", "add", clientAddr.String())
	if got := h.send(); got != 0 || packetsFor(h.status(), "denied") == 0 {
		t.Errorf("%d denied packets arrived, %d were counted", got, packetsFor(h.status(), "denied"))
	}
	h.ask("deny", "remove", clientAddr.String())
	h.write("interfaces: [s0]\ndeny: ["+clientAddr.String()+"]", "")
	h.ask("policy", "reload")
	if got := h.send(); got != 0 {
		t.Errorf("%d packets that the file denies arrived", got)
	}
	h.write("interfaces: [s0]", "")
	if err := r.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !soon(func() bool { return h.status().Policy.Reloads == 2 }) {
		t.Error("SIGHUP does not reload the policy")
	}
	if got := h.send(); got == 0 {
		t.Error("nothing arrives after SIGHUP has put the first policy in force again")
	}
	now := time.Now()
	h.push(newBan(clientAddr.String()+"/32", now.Add(time.Minute)))
	if got := h.send(); got != 0 {
		t.Errorf("%d packets that an edge denies arrived", got)
	}
	told, stop := uint64(0), h.client()
	if !soon(func() bool {
		for _, hit := range h.push().Hits {
			told += hit.Packets
		}
		return told >= 50
	}) {
		t.Errorf("the edge is told of %d packets", told)
	}
	stop()
	h.push(newBan(clientAddr.String()+"/32", time.Time{}))
	h.ask("allow", "add", clientAddr.String())
	if h.send(); packetsFor(h.status(), "allowed") == 0 {
		t.Error("no packet is counted as allowed")
	}
}

// push pushes bans as an edge does.
func (h *host) push(bans ...client.PushedBan) (answer client.SyncResponse) {
	h.t.Helper()
	response, err := call(h.t.Context(), h.sockPath, "POST", "/bans", client.SyncRequest{Edge: "fra-1", Bans: bans})
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Refused) > 0 {
		h.t.Errorf("the edge is refused %v, %v", answer.Refused, err)
	}
	return answer
}

// newBan bans a prefix for a time; zero lifts it.
func newBan(prefix string, until time.Time) client.PushedBan {
	return client.PushedBan{Prefix: netip.MustParsePrefix(prefix), Until: until, Shop: "loewen", Cause: ban.ByLimit}
}
