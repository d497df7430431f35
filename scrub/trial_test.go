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

// A trial is a dataplane that judges one packet after the other. Each packet is
// shown as a sample, so that a trial knows what was said of it. It stands in a
// network namespace of its own, where nothing happens but the test, and on one
// CPU: that has the budgets.
type trial struct {
	*Scrubber
	testing.TB
	work    chan func()
	samples *ringbuf.Reader
	record  ringbuf.Record
	out     []byte
}

// judged is what became of a packet.
type judged struct {
	action  uint32 // of XDP
	bytes   []byte // as they leave
	policy  uint32
	why     Reason
	watched Reason
}

// What trials have beside the shop: a way into the tunnel, and none.
const (
	wayMTU  = 1400
	wayFrom = "10.9.0.1"
	wayTo   = "10.9.0.2"
)

var wayMAC, homeMAC = []byte{2, 0, 0, 0, 0, 9}, []byte{2, 0, 0, 0, 0, 8}

// try loads a dataplane with this policy into a namespace of its own.
func try(t testing.TB, policy string) *trial {
	t.Helper()
	ip := need.NetNS(t)
	tr := &trial{TB: t, work: make(chan func()), out: make([]byte, 4096)}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine, and its namespace with it
		ready <- inside(ip)
		for f := range tr.work {
			f()
		}
	}()
	t.Cleanup(func() { close(tr.work) })
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	tr.Scrubber = loaded(t, policy)
	settings, err := tr.settings()
	if err != nil {
		t.Fatal(err)
	}
	settings.Key = [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908} // by a secret of each run's own, two budgets meet in one cell now and then
	if err := tr.set(settings); err != nil {
		t.Fatal(err)
	}
	if tr.samples, err = ringbuf.NewReader(tr.objects.Samples); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.samples.Close() })
	return tr
}

// inside moves this thread to one CPU and into a network namespace with the
// shop's addresses and the way to a data centre.
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
func (tr *trial) in(f func() error) {
	tr.Helper()
	done := make(chan error)
	tr.work <- func() { done <- f() }
	if err := <-done; err != nil {
		tr.Fatal(err)
	}
}

// judge has the program judge a packet.
func (tr *trial) judge(packet []byte) (j judged) {
	tr.Helper()
	tr.in(func() (err error) {
		j, err = tr.run(packet)
		return err
	})
	return j
}

// run is judge for who is inside already. The bytes are good until the next
// call.
func (tr *trial) run(packet []byte) (j judged, err error) {
	options := ebpf.RunOptions{Data: packet, DataOut: tr.out, Repeat: 1}
	if j.action, err = tr.objects.Scrub.Run(&options); err != nil {
		return j, fmt.Errorf("judging %x: %w", packet, err)
	}
	j.bytes = options.DataOut
	tr.samples.SetDeadline(time.Now().Add(time.Second))
	if err := tr.samples.ReadInto(&tr.record); err != nil {
		return j, fmt.Errorf("reading what was said of %x: %w", packet, err)
	}
	raw := tr.record.RawSample // see struct sample
	j.policy, j.why, j.watched = binary.NativeEndian.Uint32(raw[8:]), Reason(raw[16]), Reason(raw[17])
	return j, nil
}

// number is that of a policy.
func (tr *trial) number(policy string) uint32 {
	tr.Helper()
	i := slices.Index(tr.policies, policy)
	if i < 0 {
		tr.Fatalf("no policy %q", policy)
	}
	return uint32(i)
}

// change alters a policy as the program sees it, and returns what it was.
func (tr *trial) change(policy string, alter func(*kernelPolicy)) (was kernelPolicy) {
	tr.Helper()
	settings, err := tr.settings()
	if err != nil {
		tr.Fatal(err)
	}
	i := settings.Bank*maxPolicies + tr.number(policy)
	if err := tr.objects.Policies.Lookup(i, &was); err != nil {
		tr.Fatal(err)
	}
	now := was
	alter(&now)
	if err := tr.objects.Policies.Put(i, now); err != nil {
		tr.Fatal(err)
	}
	return was
}

// spent has nothing left of some budgets, and never will.
func spent(budgets ...kernelBudget) func(*kernelPolicy) {
	return func(p *kernelPolicy) {
		for _, b := range budgets {
			p.Budgets[b] = kernelRate{PerTick: 1}
		}
	}
}
