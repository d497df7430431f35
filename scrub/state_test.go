//go:build linux

package scrub

import (
	"testing"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// TestSpoofedSourcesLeaveNothing: a million sources that prove nothing have no
// entry anywhere, and one that does has one.
func TestSpoofedSourcesLeaveNothing(t *testing.T) {
	tr := try(t, goldenPolicy)
	tr.listen()
	spec, err := loadKernel()
	if err != nil {
		t.Fatal(err)
	}
	spoofs := spec.Variables[kernelVarRandomSources]
	var shipped bool
	if err := spoofs.Get(&shipped); err != nil || shipped {
		t.Errorf("as it is shipped, sources are made up: %t, %v", shipped, err)
	}
	if err := spoofs.Set(true); err != nil {
		t.Fatal(err)
	}
	o := &tr.objects
	growing := map[string]*ebpf.Map{
		kernelMapAllow4: o.Allow4, kernelMapAllow6: o.Allow6, kernelMapDeny4: o.Deny4, kernelMapDeny6: o.Deny6,
		kernelMapNets4: o.Nets4, kernelMapNets6: o.Nets6,
	}
	maps := map[string]*ebpf.Map{
		kernelMapAnswers: o.Answers, kernelMapBothClocks: o.BothClocks, kernelMapHomes4: o.Homes4, kernelMapHomes6: o.Homes6, kernelMapBudgets: o.Budgets, kernelMapCrowd: o.Crowd, kernelMapListed4: o.Listed4, kernelMapListed6: o.Listed6,
		kernelMapNames: o.Names, kernelMapPolicies: o.Policies, kernelMapProbes: o.Probes, kernelMapProven: o.Proven, kernelMapListLengths: o.ListLengths, kernelMapReflectors: o.Reflectors, kernelMapSamples: o.Samples,
		kernelMapSettings: o.Settings, kernelMapTallies: o.Tallies, kernelMapTunnels: o.Tunnels,
	}
	before := map[string]int{}
	for name, m := range growing {
		maps[name], before[name] = m, entries(t, m)
	}
	for name, m := range spec.Maps {
		switch m.Type {
		case ebpf.Array, ebpf.PerCPUArray, ebpf.RingBuf:
		default:
			if growing[name] == nil {
				t.Errorf("%s can grow, and nobody looks at it", name)
			}
		}
	}
	flood, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: maps})
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	tr.change("shop", spent(kernelBudgetBUDGET_STRAY))
	datagram := []lab.Layer{lab.UDP{From: 40000, To: 5000}, lab.Payload("x")}
	const packets = 1_000_000 / 8
	for _, packet := range [][]byte{
		ip4(lab.IPv4{}, shopSYN), ip6(lab.IPv6{}, shopSYN),
		ip4(lab.IPv4{}, segment(lab.ACK)), ip6(lab.IPv6{}, segment(lab.ACK)),
		ip4(lab.IPv4{}, segment(lab.RST)), ip6(lab.IPv6{}, segment(lab.RST)),
		ip4(lab.IPv4{}, datagram...), ip6(lab.IPv6{}, datagram...),
	} {
		tr.in(func() error {
			_, err := flood.Programs[kernelProgScrub].Run(&ebpf.RunOptions{Data: packet, Repeat: packets})
			return err
		})
	}
	judged := uint64(0)
	for key, tally := range tr.tallied() {
		if tally.Policy == "shop" {
			judged += tally.Packets
		}
		if tally.Policy == "shop" && tally.Reason.String() == "source" {
			t.Errorf("%s counts %d", key, tally.Packets)
		}
	}
	if judged != 8*packets {
		t.Errorf("%d packets were judged, want %d", judged, 8*packets)
	}
	for name, m := range growing {
		if n := entries(t, m); n != before[name] {
			t.Errorf("%s has %d entries after the flood, and had %d before", name, n, before[name])
		}
	}
	if sources := tr.provenSources(); len(sources) > 0 {
		t.Errorf("the flood has proven %x", sources)
	}
	tr.drain()
	tr.provesByCookie()
	if sources := tr.provenSources(); len(sources) != 1 || sources[0] != sourceOf(client4) {
		t.Errorf("%x are proven after one has brought its cookie back", sources)
	}
}

// TestQuietestMakesRoom: where a source that proves its address finds no room,
// the one that has been quiet the longest is forgotten.
func TestQuietestMakesRoom(t *testing.T) {
	for _, quiet := range []int{0, 1, 2, 3} {
		tr := try(t, goldenPolicy)
		tr.listen()
		i := tr.setOf(client4)
		set := tr.provenSet(i)
		now := uint32(tr.shown() / tick)
		for k, since := range []uint32{0, 1000, 1 << 24, -9 & (1<<32 - 1)} { // the last by a CPU whose clock is ahead
			way := &set.Way[(k+quiet)%len(set.Way)]
			way.Source, way.Bucket.Tick = uint64(k+1), now-since
		}
		if err := tr.objects.Proven.Put(i, set); err != nil {
			t.Fatal(err)
		}
		tr.provesByCookie()
		set.Way[(2+quiet)%len(set.Way)].Source = sourceOf(client4)
		after := tr.provenSet(i)
		for k, way := range set.Way {
			if after.Way[k].Source != way.Source {
				t.Errorf("place %d is of %d, want %d", k, after.Way[k].Source, way.Source)
			}
		}
	}
}

// provesByCookie has client4 bring its cookie back.
func (tr *trial) provesByCookie() {
	tr.Helper()
	tr.change("shop", spent(kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_STRAY))
	tr.remind(false)
	a := readAnswer(tr.judge(ip4(lab.IPv4{}, shopSYN)).bytes)
	tr.judge(ip4(lab.IPv4{}, lab.TCP{From: shopSYN.From, To: 80, Seq: shopSYN.Seq + 1, Ack: a.seq + 1, Flags: lab.ACK}))
}
