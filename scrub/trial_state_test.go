//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// What a trial knows and changes of its dataplane's state.

// proves has a source prove its address, and have this much to spend.
func (tr *trial) proves(source netip.Addr, level uint32, at time.Duration) {
	tr.Helper()
	i, tag := tr.setOf(source)
	set := tr.provenSet(i)
	set.Way[0].Source, set.Way[0].Bucket = sourceOf(source), kernelBucket{Level: level, Tick: uint32(at / tick)}
	tr.setProven(i, set, kernelTags{Way: [8]uint8{tag}})
}

// setOf is the set that a source is found in if it has proven its address, and
// its tag there.
func (tr *trial) setOf(source netip.Addr) (i uint32, tag uint8) {
	tr.Helper()
	c, err := tr.settings()
	if err != nil {
		tr.Fatal(err)
	}
	hash := mix(c, sourceOf(source))
	return uint32(hash % uint64(tr.objects.Proven.MaxEntries())), uint8(hash >> 56)
}

func (tr *trial) provenSet(i uint32) (set kernelProvenSet) {
	tr.Helper()
	if err := tr.objects.Proven.Lookup(i, &set); err != nil {
		tr.Fatal(err)
	}
	return set
}

func (tr *trial) setProven(i uint32, set kernelProvenSet, tags kernelTags) {
	tr.Helper()
	if err := errors.Join(tr.objects.Proven.Put(i, set), tr.objects.ProvenTags.Put(i, tags)); err != nil {
		tr.Fatal(err)
	}
}

// mix is scrub.c's.
func mix(c kernelConfig, n uint64) uint64 {
	n ^= c.Key[0]
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	n ^= n >> 33
	n *= 0xc4ceb9fe1a85ec53
	return n ^ n>>33
}

// sourceOf is the key of a source: an IPv4 address or the upper half of an IPv6
// one.
func sourceOf(a netip.Addr) uint64 {
	w := words(a)
	if a.Is4() {
		return uint64(w[0])
	}
	return uint64(w[0])<<32 | uint64(w[1])
}

// has reports whether a source has proven its address.
func (tr *trial) has(source netip.Addr) bool {
	tr.Helper()
	i, _ := tr.setOf(source)
	for _, way := range tr.provenSet(i).Way {
		if way.Source == sourceOf(source) {
			return true
		}
	}
	return false
}

// provenSources is all that have proven their address.
func (tr *trial) provenSources() (all []uint64) {
	tr.Helper()
	for i := range tr.objects.Proven.MaxEntries() {
		for _, way := range tr.provenSet(i).Way {
			if way.Source != 0 {
				all = append(all, way.Source)
			}
		}
	}
	return all
}

// tallied is what each policy counts for each reason.
func (tr *trial) tallied() map[string]Tally {
	tr.Helper()
	all, err := tr.Tallies()
	if err != nil {
		tr.Fatal(err)
	}
	m := make(map[string]Tally)
	for _, t := range all {
		m[t.Policy+" "+t.Reason.String()] = t
	}
	return m
}

// moved lists what has been counted meanwhile.
func moved(before, after map[string]Tally) string {
	var lines []string
	for key, t := range after {
		b := before[key]
		if t != b && (t.Packets != b.Packets || t.Watched != b.Watched) {
			lines = append(lines, fmt.Sprintf("%s +%d (%d bytes, %d watched)", key, t.Packets-b.Packets, t.Bytes-b.Bytes, t.Watched-b.Watched))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// unproven forgets that a source has proven its address.
func (tr *trial) unproven(source netip.Addr) {
	tr.Helper()
	i, _ := tr.setOf(source)
	tr.setProven(i, kernelProvenSet{}, kernelTags{})
}

// entries is how many entries a map has.
func entries(t testing.TB, m *ebpf.Map) (n int) {
	t.Helper()
	var key, value []byte
	all := m.Iterate()
	for all.Next(&key, &value) {
		n++
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// shown is what the clock of scrub.c shows.
func (tr *trial) shown() time.Duration { return now() + tr.clock.ahead }

// remind makes it time for a SYN that reminds each listener of cookies, or has
// each have had one in this second.
func (tr *trial) remind(due bool) {
	tr.Helper()
	const second = 1 << 30 // ns, as scrub.c reckons
	if rest := second - tr.shown()%second; rest < 100*time.Millisecond {
		time.Sleep(rest + 10*time.Millisecond)
	}
	last := uint32(tr.shown() / second)
	if due {
		last--
	}
	for i := range tr.objects.Probes.MaxEntries() {
		if err := tr.objects.Probes.Put(i, last); err != nil {
			tr.Fatal(err)
		}
	}
}

// listen has somebody listen at port 80 of the shop, and of nothing else.
func (tr *trial) listen() {
	tr.Helper()
	for _, at := range []netip.Addr{shop4, shop6} {
		tr.in(func() error {
			l, err := net.Listen("tcp", netip.AddrPortFrom(at, 80).String())
			if err == nil {
				tr.Cleanup(func() { _ = l.Close() })
			}
			return err
		})
	}
}

// actionOf is what XDP does for a reason, as linux/bpf.h has it.
func actionOf(why Reason) uint32 {
	return map[Action]uint32{Passed: 2, Forwarded: 4, Answered: 3, Dropped: 1}[why.Action()]
}

// drain forgets what was shown meanwhile.
func (tr *trial) drain() {
	tr.Helper()
	tr.samples.SetDeadline(time.Now())
	for tr.samples.ReadInto(&tr.record) == nil {
		tr.samples.SetDeadline(time.Now())
	}
}
