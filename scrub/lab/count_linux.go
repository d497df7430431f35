package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Seen counts packets by party: by their sources behind the scrubber, and by their
// destinations where answers arrive.
type Seen struct {
	Customers, Bots uint64
	Strangers       uint64 // attackers, and spoofed sources
	Links           uint64 // the hosts themselves, and their tunnels
}

// Since is what came after before.
func (s Seen) Since(before Seen) Seen {
	return Seen{s.Customers - before.Customers, s.Bots - before.Bots, s.Strangers - before.Strangers, s.Links - before.Links}
}

// Reached is what has come from the internet to the edge's own stack so far.
func (l *Lab) Reached() (Seen, error) { return count(l.generator.programs.SeenAtEdge) }

// ReachedCentre is what has come from the edge to the data centre's stack so far.
// Packets in a tunnel count as packets of the edge.
func (l *Lab) ReachedCentre() (Seen, error) { return count(l.generator.programs.SeenAtCentre) }

// Answered is what the edge has sent to the internet so far.
func (l *Lab) Answered() (Seen, error) { return count(l.generator.programs.Answered) }

func count(m *ebpf.Map) (s Seen, err error) {
	var failed [4]error
	s.Customers, failed[0] = total(m, programsPartyCUSTOMER)
	s.Bots, failed[1] = total(m, programsPartyBOT)
	s.Strangers, failed[2] = total(m, programsPartySTRANGER)
	s.Links, failed[3] = total(m, programsPartyLINK)
	return s, errors.Join(failed[:]...)
}

// total adds up a count of all CPUs.
func total[K ~uint32](m *ebpf.Map, key K) (n uint64, err error) {
	var each []uint64
	if err := m.Lookup(key, &each); err != nil {
		return 0, fmt.Errorf("reading the lab's counts: %w", err)
	}
	for _, one := range each {
		n += one
	}
	return n, nil
}

// dropped is how many packets an interface of the thread's namespace could not
// deliver to its peer.
func dropped(iface string) (uint64, error) {
	text, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, counts, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if fields := strings.Fields(counts); name == iface && len(fields) == 16 {
			return strconv.ParseUint(fields[11], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no counts", iface)
}

// threadCPU is the CPU time of this thread so far, including softirqs that ran on top
// of it.
func threadCPU() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

// softirqCPU is the CPU time so far of the kernel's threads for softirqs (ksoftirqd).
func softirqCPU() (sum time.Duration) {
	for _, pid := range softirqThreads() {
		sum += clock(int32(^pid<<3 | 2)) // MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED), see clock_getcpuclockid(3)
	}
	return sum
}

// softirqThreads are the ksoftirqd threads. A process that cannot see the kernel's
// threads finds none.
var softirqThreads = sync.OnceValue(func() (pids []int) {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		comm, gone := os.ReadFile(name)
		if err == nil && gone == nil && strings.HasPrefix(string(comm), "ksoftirqd/") {
			pids = append(pids, pid)
		}
	}
	return pids
})

func clock(id int32) time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(id, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
