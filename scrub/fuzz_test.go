//go:build linux

package scrub

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
)

// ethernet is how many bytes the kernel's test run wants at least.
const ethernet = 14

// isJudged complains if a packet is not counted once more than those before it,
// or leaves in a way that its reason does not have.
func (h *harness) isJudged(packet []byte, counted map[uint32]uint64) error {
	j, err := h.run(packet)
	if err != nil {
		return err
	}
	if j.action == 0 || j.action != actionOf(j.reason) {
		return fmt.Errorf("%x: action %d for %s", packet, j.action, j.reason)
	}
	cell := j.policy*uint32(Reasons) + uint32(j.reason)
	counted[cell]++
	perCPU := make([]kernelTally, ebpf.MustPossibleCPU())
	if err := h.objects.Tallies.Lookup(cell, &perCPU); err != nil {
		return err
	}
	n := uint64(0)
	for _, tally := range perCPU {
		n += tally.Packets
	}
	if n != counted[cell] {
		return fmt.Errorf("%x: %d packets are counted for %s, want %d", packet, n, j.reason, counted[cell])
	}
	return nil
}

// TestCutPackets: what is left of a golden packet is judged, however short it
// is, and nothing of it aborts.
func TestCutPackets(t *testing.T) {
	h := newHarness(t, goldenPolicy)
	counted := make(map[uint32]uint64)
	h.in(func() error {
		for _, g := range goldens() {
			for n := ethernet; n <= len(g.packet); n++ {
				if err := h.isJudged(g.packet[:n:n], counted); err != nil {
					t.Errorf("%s, cut to %d bytes: %v", g.name, n, err)
				}
			}
		}
		return nil
	})
	if _, _, err := h.objects.Scrub.Test(make([]byte, ethernet-1)); err == nil {
		t.Error("the kernel runs packets without a complete Ethernet header; then this test must try such packets as well")
	}
}

// FuzzScrub: nothing aborts, and each packet is counted once.
func FuzzScrub(f *testing.F) {
	for _, g := range goldens() {
		f.Add(g.packet)
	}
	h := newHarness(f, goldenPolicy)
	for _, policy := range []string{"shop", "centre"} {
		h.change(policy, spent(kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_OUT_OF_STATE))
	}
	counted := make(map[uint32]uint64)
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < ethernet || len(packet) > 3000 { // a page, less what the kernel needs of it
			return
		}
		done := make(chan error)
		h.work <- func() { done <- h.isJudged(packet, counted) }
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
