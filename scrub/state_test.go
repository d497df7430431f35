//go:build linux

package scrub

import (
	"testing"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// TestSpoofedSourcesLeaveNothing: a million unverified sources have no entry anywhere,
// and a verified one has one.
func TestSpoofedSourcesLeaveNothing(t *testing.T) {
	h := newHarness(t, goldenPolicy)
	h.listen()
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
	o := &h.objects
	growing := map[string]*ebpf.Map{
		kernelMapAllow4: o.Allow4, kernelMapAllow6: o.Allow6, kernelMapDeny4: o.Deny4, kernelMapDeny6: o.Deny6,
		kernelMapNets4: o.Nets4, kernelMapNets6: o.Nets6,
	}
	maps := map[string]*ebpf.Map{
		kernelMapAnswers: o.Answers, kernelMapBothClocks: o.BothClocks, kernelMapHosts4: o.Hosts4, kernelMapHosts6: o.Hosts6, kernelMapBudgets: o.Budgets, kernelMapSourceCells: o.SourceCells, kernelMapListed4: o.Listed4, kernelMapListed6: o.Listed6,
		kernelMapNames: o.Names, kernelMapPolicies: o.Policies, kernelMapRefreshes: o.Refreshes, kernelMapVerified: o.Verified, kernelMapVerifiedTags: o.VerifiedTags, kernelMapListLengths: o.ListLengths, kernelMapReflectors: o.Reflectors, kernelMapSamples: o.Samples,
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
				t.Errorf("%s can grow, and this test does not look at it", name)
			}
		}
	}
	flood, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: maps})
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	h.change("shop", spent(kernelBudgetBUDGET_OUT_OF_STATE))
	datagram := []lab.Layer{lab.UDP{From: 40000, To: 5000}, lab.Payload("x")}
	const packets = 1_000_000 / 8
	for _, packet := range [][]byte{
		ip4(lab.IPv4{}, shopSYN), ip6(lab.IPv6{}, shopSYN),
		ip4(lab.IPv4{}, segment(lab.ACK)), ip6(lab.IPv6{}, segment(lab.ACK)),
		ip4(lab.IPv4{}, segment(lab.RST)), ip6(lab.IPv6{}, segment(lab.RST)),
		ip4(lab.IPv4{}, datagram...), ip6(lab.IPv6{}, datagram...),
	} {
		h.in(func() error {
			_, err := flood.Programs[kernelProgScrub].Run(&ebpf.RunOptions{Data: packet, Repeat: packets})
			return err
		})
	}
	judged := uint64(0)
	for key, tally := range h.tallied() {
		if tally.Policy == "shop" {
			judged += tally.Packets
		}
		if tally.Policy == "shop" && tally.Reason.String() == "rate_verified" {
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
	if sources := h.verifiedSources(); len(sources) > 0 {
		t.Errorf("the flood has verified %x", sources)
	}
	h.drain()
	h.verifyByCookie()
	if sources := h.verifiedSources(); len(sources) != 1 || sources[0] != sourceOf(client4) {
		t.Errorf("%x are verified after one has returned its cookie", sources)
	}
}

// TestQuietestMakesRoom: if a set is full, a source that becomes verified replaces
// the one that has been quiet for the longest time.
func TestQuietestMakesRoom(t *testing.T) {
	h := newHarness(t, goldenPolicy)
	h.listen()
	i, tag := h.setOf(client4)
	var set kernelVerifiedSet
	for quietest := range set.Way {
		now := uint32(h.shown() / tick)
		for k := range set.Way {
			set.Way[k].Source, set.Way[k].Bucket.Tick = uint64(k+1), now-1000
		}
		set.Way[(quietest+1)%len(set.Way)].Bucket.Tick = now + 9 // by a CPU whose clock is ahead
		set.Way[quietest].Bucket.Tick = now - 1<<24
		h.setVerified(i, set, kernelTags{})
		h.verifyByCookie()
		set.Way[quietest].Source = sourceOf(client4)
		after := h.verifiedSet(i)
		for k, way := range set.Way {
			if after.Way[k].Source != way.Source {
				t.Errorf("place %d is of %d, want %d", k, after.Way[k].Source, way.Source)
			}
		}
		var tags kernelTags
		if err := h.objects.VerifiedTags.Lookup(i, &tags); err != nil || tags.Way[quietest] != tag {
			t.Errorf("the tags are %v, %v, want %d at %d", tags.Way, err, tag, quietest)
		}
	}
}

// verifyByCookie makes client4 return its cookie.
func (h *harness) verifyByCookie() {
	h.Helper()
	h.change("shop", spent(kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_OUT_OF_STATE))
	h.remind(false)
	a := readAnswer(h.judge(ip4(lab.IPv4{}, shopSYN)).bytes)
	h.judge(ip4(lab.IPv4{}, lab.TCP{From: shopSYN.From, To: 80, Seq: shopSYN.Seq + 1, Ack: a.seq + 1, Flags: lab.ACK}))
}
