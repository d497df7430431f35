//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/test/need"
)

// A harness runs the program on one packet after the other. Each packet is a sample,
// so that the harness knows its reason. It is in a network namespace of its own,
// without other traffic, and on one CPU, which has the budgets.
type harness struct {
	*Scrubber
	testing.TB
	work    chan func()
	samples *ringbuf.Reader
	record  ringbuf.Record
	out     []byte
}

// judged is the result for a packet.
type judged struct {
	action  uint32 // of XDP
	bytes   []byte // as they leave
	policy  uint32
	reason  Reason
	watched Reason
}

// What harnesses have beside the shop: a tunnel with a route, and one without.
const (
	wayMTU  = 1400
	wayFrom = "10.9.0.1"
	wayTo   = "10.9.0.2"
)

var wayMAC, homeMAC = []byte{2, 0, 0, 0, 0, 9}, []byte{2, 0, 0, 0, 0, 8}

// newHarness loads a dataplane with this policy into a namespace of its own.
func newHarness(t testing.TB, policy string) *harness {
	t.Helper()
	ip := need.NetNS(t)
	h := &harness{TB: t, work: make(chan func()), out: make([]byte, 4096)}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine, and its namespace with it
		ready <- inside(ip)
		for f := range h.work {
			f()
		}
	}()
	t.Cleanup(func() { close(h.work) })
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	h.Scrubber = loaded(t, policy)
	settings, err := h.settings()
	if err != nil {
		t.Fatal(err)
	}
	settings.Key = [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908} // with a random secret, two budgets share a cell now and then
	if err := h.set(settings); err != nil {
		t.Fatal(err)
	}
	if h.samples, err = ringbuf.NewReader(h.objects.Samples); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.samples.Close() })
	return h
}

// inside moves this thread to one CPU and into a network namespace with the shop's
// addresses and the route to a data centre.
func inside(ip string) error {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("asking for the CPUs: %w", err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("staying on one CPU: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("making a network namespace: %w", err)
	}
	cmd := exec.Command(ip, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"link set lo up",
		"addr add 203.0.113.10/32 dev lo",
		"addr add 10.2.0.10/32 dev lo",
		"addr add 2001:db8:113::10/128 dev lo nodad",
		"addr add fd00:2::10/128 dev lo nodad",
		fmt.Sprintf("link add way address %s mtu %d type veth peer name end", net.HardwareAddr(homeMAC), wayMTU),
		"link set way up",
		"link set end up",
		"addr add " + wayFrom + "/24 dev way",
		"neigh add " + wayTo + " dev way nud permanent lladdr " + net.HardwareAddr(wayMAC).String(),
	}, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up the namespace: %w: %s", err, out)
	}
	for _, name := range []string{"ipv4/conf/all/forwarding", "ipv4/conf/lo/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte("1"), 0); err != nil {
			return fmt.Errorf("forwarding: %w", err)
		}
	}
	return nil
}

// in calls f inside of the namespace.
func (h *harness) in(f func() error) {
	h.Helper()
	done := make(chan error)
	h.work <- func() { done <- f() }
	if err := <-done; err != nil {
		h.Fatal(err)
	}
}

// judge runs the program on a packet.
func (h *harness) judge(packet []byte) (j judged) {
	h.Helper()
	h.in(func() (err error) {
		j, err = h.run(packet)
		return err
	})
	return j
}

// run is judge for callers inside of the namespace. The bytes are valid until the
// next call.
func (h *harness) run(packet []byte) (j judged, err error) {
	options := ebpf.RunOptions{Data: packet, DataOut: h.out, Repeat: 1}
	if j.action, err = h.objects.Scrub.Run(&options); err != nil {
		return j, fmt.Errorf("judging %x: %w", packet, err)
	}
	j.bytes = options.DataOut
	h.samples.SetDeadline(time.Now().Add(time.Second))
	if err := h.samples.ReadInto(&h.record); err != nil {
		return j, fmt.Errorf("reading the sample of %x: %w", packet, err)
	}
	raw := h.record.RawSample // see struct sample
	j.policy, j.reason, j.watched = binary.NativeEndian.Uint32(raw[8:]), Reason(raw[16]), Reason(raw[17])
	return j, nil
}

// number is that of a policy.
func (h *harness) number(policy string) uint32 {
	h.Helper()
	i := slices.Index(h.policies, policy)
	if i < 0 {
		h.Fatalf("no policy %q", policy)
	}
	return uint32(i)
}

// change alters a policy in the kernel, and returns the former one.
func (h *harness) change(policy string, alter func(*kernelPolicy)) (was kernelPolicy) {
	h.Helper()
	settings, err := h.settings()
	if err != nil {
		h.Fatal(err)
	}
	i := settings.Bank*maxPolicies + h.number(policy)
	if err := h.objects.Policies.Lookup(i, &was); err != nil {
		h.Fatal(err)
	}
	now := was
	alter(&now)
	if err := h.objects.Policies.Put(i, now); err != nil {
		h.Fatal(err)
	}
	return was
}

// spent empties some budgets for good.
func spent(budgets ...kernelBudget) func(*kernelPolicy) {
	return func(p *kernelPolicy) {
		for _, b := range budgets {
			p.Budgets[b] = kernelRate{PerTick: 1}
		}
	}
}
