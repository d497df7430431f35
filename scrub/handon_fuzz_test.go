//go:build linux

package scrub

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// goldensHanded are the golden packets as another edge would hand them on.
func goldensHanded() (all [][]byte) {
	for _, g := range goldens() {
		if len(g.packet) > ethernet+20 {
			all = append(all, handed(wayTo, wayFrom, 1, g.packet[ethernet:]))
		}
	}
	return all
}

// isHanded is isJudged, and complains if what is handed on is not TCP of a later hop
// than it was.
func (h *harness) isHanded(packet []byte, counted map[uint32]uint64) error {
	if err := h.isJudged(packet, counted); err != nil {
		return err
	}
	j, err := h.run(packet)
	if err != nil {
		return err
	}
	counted[j.policy*uint32(Reasons)+uint32(j.reason)]++
	if j.reason.String() != "handed_on" {
		return nil
	}
	const outer = ethernet + 20
	key := binary.BigEndian.Uint32(j.bytes[outer+4:])
	inner := j.bytes[outer+8:]
	if hops := key & 7; key>>3 != 0x68616e00>>3 || hops < 1 || hops > 2 || inner[0]>>4 == 4 && inner[9] != 6 {
		return fmt.Errorf("%x is handed on as %x", packet, j.bytes)
	}
	return nil
}

// TestCutHandedOn: what is left of a packet that was handed on is judged, however
// short it is.
func TestCutHandedOn(t *testing.T) {
	h := newHarness(t, ringPolicy)
	h.window(Window{Next: addr(wayTo)})
	counted := make(map[uint32]uint64)
	h.in(func() error {
		for _, inner := range [][]byte{ip4(lab.IPv4{}, shopSYN), ip6(lab.IPv6{}, segment(lab.ACK))} {
			packet := handed(wayTo, wayFrom, 1, l3(inner))
			for n := ethernet; n <= len(packet); n++ {
				if err := h.isHanded(packet[:n:n], counted); err != nil {
					t.Errorf("cut to %d bytes: %v", n, err)
				}
			}
		}
		return nil
	})
}

// FuzzHandOn: nothing aborts while a window is open, each packet is counted once, and
// what is handed on ends.
func FuzzHandOn(f *testing.F) {
	for _, packet := range goldensHanded() {
		f.Add(packet)
	}
	f.Add(ip4(lab.IPv4{}, segment(lab.ACK)))
	f.Add(ip6(lab.IPv6{}, segment(lab.ACK)))
	h := newHarness(f, ringPolicy)
	h.window(Window{Next: addr(wayTo)})
	counted := make(map[uint32]uint64)
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < ethernet || len(packet) > 3000 {
			return
		}
		done := make(chan error)
		h.work <- func() { done <- h.isHanded(packet, counted) }
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
