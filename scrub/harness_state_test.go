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

// The state of a harness's dataplane, read and changed.

// verify makes a source verified, with this level in its bucket.
func (h *harness) verify(source netip.Addr, level uint32, at time.Duration) {
	h.Helper()
	i, tag := h.setOf(source)
	set := h.verifiedSet(i)
	set.Way[0].Source, set.Way[0].Bucket = sourceOf(source), kernelBucket{Level: level, Tick: uint32(at / tick)}
	h.setVerified(i, set, kernelTags{Way: [8]uint8{tag}})
}

// setOf is the set of a source if it is verified, and its tag there.
func (h *harness) setOf(source netip.Addr) (i uint32, tag uint8) {
	h.Helper()
	c, err := h.settings()
	if err != nil {
		h.Fatal(err)
	}
	hash := keyedHash(c, sourceOf(source))
	return uint32(hash % uint64(h.objects.Verified.MaxEntries())), uint8(hash >> 56)
}

func (h *harness) verifiedSet(i uint32) (set kernelVerifiedSet) {
	h.Helper()
	if err := h.objects.Verified.Lookup(i, &set); err != nil {
		h.Fatal(err)
	}
	return set
}

func (h *harness) setVerified(i uint32, set kernelVerifiedSet, tags kernelTags) {
	h.Helper()
	if err := errors.Join(h.objects.Verified.Put(i, set), h.objects.VerifiedTags.Put(i, tags)); err != nil {
		h.Fatal(err)
	}
}

// keyedHash is that of scrub.c.
func keyedHash(c kernelConfig, n uint64) uint64 {
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
	w := addrWords(a)
	if a.Is4() {
		return uint64(w[0])
	}
	return uint64(w[0])<<32 | uint64(w[1])
}

// has reports whether a source is verified.
func (h *harness) has(source netip.Addr) bool {
	h.Helper()
	i, _ := h.setOf(source)
	for _, way := range h.verifiedSet(i).Way {
		if way.Source == sourceOf(source) {
			return true
		}
	}
	return false
}

// verifiedSources are all verified sources.
func (h *harness) verifiedSources() (all []uint64) {
	h.Helper()
	for i := range h.objects.Verified.MaxEntries() {
		for _, way := range h.verifiedSet(i).Way {
			if way.Source != 0 {
				all = append(all, way.Source)
			}
		}
	}
	return all
}

// tallied is what each policy counts for each reason.
func (h *harness) tallied() map[string]Tally {
	h.Helper()
	all, err := h.Tallies()
	if err != nil {
		h.Fatal(err)
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

// unverify forgets a verified source.
func (h *harness) unverify(source netip.Addr) {
	h.Helper()
	i, _ := h.setOf(source)
	h.setVerified(i, kernelVerifiedSet{}, kernelTags{})
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
func (h *harness) shown() time.Duration { return now() + h.clock.offset }

// remind makes it time for a SYN that reminds each listener of cookies, or has
// each have had one in this second.
func (h *harness) remind(due bool) {
	h.Helper()
	const second = 1 << 30 // ns, as scrub.c reckons
	if rest := second - h.shown()%second; rest < 100*time.Millisecond {
		time.Sleep(rest + 10*time.Millisecond)
	}
	last := uint32(h.shown() / second)
	if due {
		last--
	}
	for i := range h.objects.Refreshes.MaxEntries() {
		if err := h.objects.Refreshes.Put(i, last); err != nil {
			h.Fatal(err)
		}
	}
}

// listen opens a listener at port 80 of the shop.
func (h *harness) listen() {
	h.Helper()
	for _, at := range []netip.Addr{shop4, shop6} {
		h.in(func() error {
			l, err := net.Listen("tcp", netip.AddrPortFrom(at, 80).String())
			if err == nil {
				h.Cleanup(func() { _ = l.Close() })
			}
			return err
		})
	}
}

// actionOf is what XDP does for a reason, as linux/bpf.h has it.
func actionOf(reason Reason) uint32 {
	return map[Action]uint32{Passed: 2, Forwarded: 4, Answered: 3, Dropped: 1}[reason.Action()]
}

// drain forgets what was shown meanwhile.
func (h *harness) drain() {
	h.Helper()
	h.samples.SetDeadline(time.Now())
	for h.samples.ReadInto(&h.record) == nil {
		h.samples.SetDeadline(time.Now())
	}
}
