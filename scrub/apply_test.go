//go:build linux

package scrub

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/need"
)

// TestApplyMixesNothing: while one policy file takes another's place again and
// again, each packet is judged by the one or by the other.
func TestApplyMixesNothing(t *testing.T) {
	need.Time(t)
	option := lab.IPv4{Options: []byte{1, 1, 1, 0}}
	other := lab.TCP{From: 40000, To: 22, Flags: lab.SYN}
	itself := lab.IPv4{Src: shop4, Dst: shop4}
	policy := func(name, general, modes string) string {
		return fmt.Sprintf("sample: 1000000\nmodes: {%s}\npolicies:\n  - {name: %s, protect: [203.0.113.10], tcp: [80], modes: {bogon: off, %s}}\n", general, name, modes)
	}
	for _, c := range []struct {
		name        string
		one, two    string
		first, then string
		packet      []byte
	}{
		{
			"two reasons of a policy", policy("shop", "", "options: mitigate, port: off"), policy("shop", "", "options: off, port: mitigate"),
			"options", "port", ip4(option, other),
		},
		{
			"a general reason and one of a policy", policy("shop", "land: mitigate", "port: off"), policy("shop", "land: off", "port: mitigate"),
			"land", "port", ip4(itself, other),
		},
		{
			"an address that has another policy", policy("shop", "", "options: mitigate"), policy("store", "", "options: off"),
			"options", "port", ip4(option, other),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.one)
			var files [2]*Config
			for i, text := range []string{c.one, c.two} {
				var err error
				if files[i], err = Parse([]byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			var end atomic.Bool
			done := make(chan error)
			h.work <- func() {
				for !end.Load() { // in the kernel, where a packet comes to each moment of a change
					if _, err := h.objects.Scrub.Run(&ebpf.RunOptions{Data: c.packet, Repeat: 10_000}); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}
			met := make(map[string]uint64)
			enough := func(took time.Duration) bool { // a busy machine runs few packets in a second
				return took > time.Second && met[c.first] > 0 && met[c.then] > 0 || took > 20*time.Second
			}
			for began, i := time.Now(), 1; !enough(time.Since(began)); i++ {
				if err := h.Apply(files[i%2]); err != nil {
					t.Error(err)
					break
				}
				time.Sleep(5 * time.Millisecond) // a policy that is gone takes its counts along
				for _, tally := range h.tallied() {
					met[tally.Reason.String()] += tally.Packets
				}
			}
			end.Store(true)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if met[c.first] == 0 || met[c.then] == 0 || len(met) != 2 {
				t.Errorf("the packets left for %v, want %s and %s", met, c.first, c.then)
			}
		})
	}
}
