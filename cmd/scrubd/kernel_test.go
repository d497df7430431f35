//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDataplaneGoesOnWithoutScrubd kills scrubd under a stream of denied packets,
// starts it again and restarts it: not one gets through, and each is counted.
func TestDataplaneGoesOnWithoutScrubd(t *testing.T) {
	h := newHost(t)
	r := h.start()
	if got := h.send(); got == 0 {
		t.Fatal("nothing arrives although no source is denied")
	}
	h.ask("deny", "add", clientAddr.String(), "--why", "ticket 4711")
	stop := h.client()
	time.Sleep(50 * time.Millisecond)
	arrived := h.received.Load()
	first := h.status()
	h.end(r, syscall.SIGKILL)
	if killed := h.sent.Load(); !soon(func() bool { return h.sent.Load() >= killed+100 }) {
		t.Fatal("the client has stopped sending")
	}
	r = h.start()
	second := h.status()
	if was, is := packetsFor(first, "denied"), packetsFor(second, "denied"); is < was+100 {
		t.Errorf("%d packets were denied before scrubd was killed, and %d in all: nothing was while it was gone", was, is)
	}
	if first.Instance == second.Instance {
		t.Error("an edge cannot see that scrubd was restarted")
	}
	if out := h.ask("deny", "list"); !strings.Contains(out, "ticket 4711") {
		t.Errorf("another start has forgotten why: %s", out)
	}
	h.end(r, syscall.SIGTERM)
	r = h.start()
	sent := stop()
	if !soon(func() bool { return packetsFor(h.status(), "denied") >= sent }) || packetsFor(h.status(), "denied") != sent {
		t.Errorf("%d packets were sent, and %d were denied", sent, packetsFor(h.status(), "denied"))
	}
	if got := h.received.Load() - arrived; got != 0 {
		t.Errorf("%d packets got through", got)
	}
	h.ask("deny", "remove", clientAddr.String())
	if got := h.send(); got == 0 {
		t.Error("nothing arrives after the client was removed from the list")
	}
	if out := h.ask("unload", "--config", h.config); !strings.Contains(out, "detached from ") || !strings.Contains(out, "scrubd still runs but protects nothing") {
		t.Errorf("unload says %s", out)
	}
	if h.attached("s0") {
		t.Error("unloaded, and still attached")
	}
	if a := h.status().Attached; len(a) != 1 || !a[0].Detached {
		t.Errorf("status does not know that it was detached: %+v", a)
	}
	h.end(r, syscall.SIGTERM)
}

// TestUpgradeToAnotherLayout takes over from a release whose maps are others.
func TestUpgradeToAnotherLayout(t *testing.T) {
	h := newHost(t)
	r := h.start()
	h.ask("deny", "add", clientAddr.String(), "--why", "ticket 4711")
	h.ask("allow", "add", "203.0.113.0/28", "--why", "monitoring")
	h.end(r, syscall.SIGTERM)
	layouts := func() []string {
		all, err := filepath.Glob(filepath.Join(h.pins, "maps-*"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if err := os.Rename(layouts()[0], filepath.Join(h.pins, "maps-of-old")); err != nil {
		t.Fatal(err)
	}
	before := h.received.Load()
	stop := h.client()
	h.start()
	time.Sleep(50 * time.Millisecond)
	stop()
	if got := h.received.Load() - before; got != 0 {
		t.Errorf("%d denied packets got through an upgrade", got)
	}
	if got := packetsFor(h.status(), "denied"); got == 0 {
		t.Error("the new maps have counted nothing: the old program still looks at packets")
	}
	if all := layouts(); len(all) != 1 || strings.HasSuffix(all[0], "old") {
		t.Errorf("maps that stay: %v", all)
	}
	if out := h.ask("allow", "list"); !strings.Contains(out, "monitoring") {
		t.Errorf("the upgrade has lost the allow list: %s", out)
	}
}

func TestStartThatFailsIsUndone(t *testing.T) {
	h := newHost(t)
	h.occupy("s1")

	h.write("interfaces: [s0, s1]", "")
	if out := h.fails(); !strings.Contains(out, "another XDP program is attached to s1: ") || !strings.Contains(out, "try:") {
		t.Errorf("it says:\n%s", out)
	}
	if h.attached("s0") {
		t.Error("s0 is attached although s1 could not be")
	}
	if _, err := os.Stat(h.pins); err == nil {
		t.Error("pins are left")
	}

	// Where one runs, it goes on.
	h.write("interfaces: [s0]", "")
	r := h.start()
	h.ask("deny", "add", clientAddr.String())
	h.end(r, syscall.SIGTERM)
	for about, write := range map[string]func(){
		"another interface is occupied": func() { h.write("interfaces: [s0, s1]", "") },
		"the policy file is broken":     func() { h.write("interfaces: [s0]\ndeny: [example.org]", "") },
	} {
		write()
		h.fails()
		if got := h.send(); got != 0 || !h.attached("s0") {
			t.Errorf("%s: %d packets of a denied source arrived", about, got)
		}
	}
	h.write("interfaces: [s0]", "")
	h.start()
	if got := packetsFor(h.status(), "denied"); got == 0 {
		t.Error("counts did not go on")
	}
}

func TestSysctlsAreChecked(t *testing.T) {
	h := newHost(t)
	h.write("interfaces: [s0]", "  sysctls: check\n")
	out := h.fails()
	if !strings.Contains(out, "sysctl net.ipv4.tcp_syncookies is 1, not 2") || !strings.Contains(out, "try: sysctl -w net.ipv4.tcp_syncookies=2") {
		t.Errorf("it says:\n%s", out)
	}
	h.write("interfaces: [s0]", "  sysctls: set\n")
	h.start()
	for _, s := range h.status().Sysctls {
		if !s.OK() {
			t.Errorf("%s is %s, want %s: %s", s.Key(), s.Is, s.Want, s.Bad)
		}
	}
}

// TestSysctlsThatDrift: what another program does to a sysctl while scrubd runs is in
// status and metric when they are asked for, and so is the end of it.
func TestSysctlsThatDrift(t *testing.T) {
	h := newHost(t)
	const metrics, key = "127.0.0.1:9180", "net.ipv4.tcp_syncookies"
	h.write("interfaces: [s0]", "  user: nobody\n  metrics: "+metrics+"\n")
	h.start()
	for _, c := range []struct{ value, metric, status string }{
		{"2", "1", ""},
		{"1", "0", "sysctl    " + key + " is 1, not 2: "},
		{"0", "0", "sysctl    " + key + " is 0, not 2: "},
		{"2", "1", ""},
	} {
		h.within(h.ns, func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_syncookies", []byte(c.value), 0o644) })
		if out := h.ask("status"); strings.Contains(out, "sysctl ") != (c.status != "") || !strings.Contains(out, c.status) {
			t.Errorf("with %s status says\n%s", c.value, out)
		}
		if out := h.ask("policy", "reload"); strings.Contains(out, "sysctl "+key+" is "+c.value+", not 2: ") != (c.status != "") {
			t.Errorf("with %s a reload says\n%s", c.value, out)
		}
		if out := h.scrape(metrics); !strings.Contains(out, `theriac_scrub_sysctl_ok{sysctl="`+key+`"} `+c.metric+"\n") {
			t.Errorf("with %s the metric says\n%s", c.value, out)
		}
	}
	for _, s := range h.status().Sysctls {
		if s.Key() == key && s.Was != "1" {
			t.Errorf("it has forgotten that the start set it: %+v", s)
		}
	}
}

// TestCheck checks a host on which all is well, one on which it is not, and one
// whose scrubd runs already.
func TestCheck(t *testing.T) {
	h := newHost(t)
	h.run(h.ip, "-n", h.ns, "tuntap", "add", "dev", "tun0", "mode", "tun")
	h.occupy("s1")
	check := func() (string, error) {
		var out bytes.Buffer
		cmd := exec.Command(h.bin, "check", "--config", h.config)
		cmd.Stdout, cmd.Stderr = &out, &out
		h.within(h.ns, cmd.Start)
		err := cmd.Wait()
		return out.String(), err
	}
	for about, c := range map[string]struct {
		top, daemon string
		good        bool
		want        []string
	}{
		"as it should be": {"interfaces: [s0]", "", true, []string{
			`kernel +ok +\d`, `privileges +ok +CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN`, `BTF +ok`, `helpers +ok +all \d+`, `map types +ok +all \d+`, `policy file +ok`,
			`bpffs +ok`, `sysctl net.ipv4.tcp_syncookies +ok +1; scrubd will set it to 2`, `interface s0 +ok +native`, `users +ok`,
		}},
		"not as it should be": {"interfaces: [s0, s1, lo, s7, tun0]", "  sysctls: check\n  user: nobody-like-this\n", false, []string{
			`sysctl net.ipv4.tcp_syncookies +NO +1, not 2: .*`, ` +try: sysctl -w net.ipv4.tcp_syncookies=2, .*`,
			`interface lo +ok +generic, at several times the cost: the driver does not support XDP.*`, `interface s7 +NO .*finding the interface s7.*`, ` +try: ip link`,
			`interface s1 +NO +another XDP program is attached to s1: \d+ \(scrub\)`, ` +try: detach it .*`,
			`interface tun0 +NO +scrub: the packets of tun0 have no Ethernet header.*`,
			`users +NO +unknown user "nobody-like-this"`, ` +try: useradd --system --no-create-home nobody-like-this`,
			`scrubd: 6 of \d+ checks failed`,
		}},
	} {
		h.write(c.top, c.daemon)
		out, err := check()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", about, err)
		}
		for _, want := range c.want {
			if !regexp.MustCompile(`(?m)^` + want + `.*$`).MatchString(out) {
				t.Errorf("%s: no line like %s in\n%s", about, want, out)
			}
		}
	}
	h.write("interfaces: [s0]", "")
	h.start()
	if out, err := check(); err != nil || !regexp.MustCompile(`interface s0 +ok +native`).MatchString(out) {
		t.Errorf("while scrubd runs: %v in\n%s", err, out)
	}
}
