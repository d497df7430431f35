package lab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
)

// Seen is whose packets a place has seen, by their sources behind the scrubber
// and by their destinations where answers arrive.
type Seen struct {
	Customers, Bots uint64
	Strangers       uint64 // attackers, or whom they claim to be
}

// Since is what came after before.
func (s Seen) Since(before Seen) Seen {
	return Seen{s.Customers - before.Customers, s.Bots - before.Bots, s.Strangers - before.Strangers}
}

// Reached is what has come through to the edge's own stack so far.
func (l *Lab) Reached() (Seen, error) { return count(l.gun.programs.Seen) }

// Answered is what the edge has sent to the internet so far.
func (l *Lab) Answered() (Seen, error) { return count(l.gun.programs.Answered) }

func count(m *ebpf.Map) (s Seen, err error) {
	var failed [3]error
	s.Customers, failed[0] = total(m, programsWhoCUSTOMER)
	s.Bots, failed[1] = total(m, programsWhoBOT)
	s.Strangers, failed[2] = total(m, programsWhoSTRANGER)
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
// hand over to its other end.
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

// SoftIRQ is how long this machine's processors have worked on what came from
// networks and timers so far. The kernel samples it, so it tells something about
// seconds only.
func SoftIRQ() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the time of soft interrupts: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(first)
	if len(fields) < 8 {
		return 0, fmt.Errorf("reading the time of soft interrupts: %q", first)
	}
	ticks, err := strconv.ParseInt(fields[7], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the time of soft interrupts: %w", err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
