//go:build linux

package daemon

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// topWindow is how far back top looks, unless more samples came than are kept.
const topWindow = 10 * time.Second

// A Talker is a source, or another group of samples, with its share of the
// traffic. Its rates are estimates from samples.
type Talker struct {
	Name      string  `json:"name"`
	Packets   float64 `json:"packets_per_second"`
	Bytes     float64 `json:"bytes_per_second"`
	Samples   int     `json:"samples"` // that the estimate is from
	Reason    string  `json:"reason"`  // the most frequent one
	Action    string  `json:"action"`  // what is done with packets for that reason
	Policy    string  `json:"policy"`
	Dest      string  `json:"destination"` // the most frequent one
	reasons   map[scrub.Reason]int
	dests     map[string]int
	lastWatch *scrub.Reason
}

// Top is the answer to GET /top.
type Top struct {
	By      string   `json:"by"`
	Seconds float64  `json:"seconds"` // that the samples cover
	OneOf   uint32   `json:"one_of"`  // how many packets a sample stands for
	Talkers []Talker `json:"talkers"`
}

// topBy are the ways to group samples.
var topBy = map[string]func(scrub.Sample) string{
	"source":      func(s scrub.Sample) string { return sourceOf(s.Source, 32, 64) },
	"net":         func(s scrub.Sample) string { return sourceOf(s.Source, 24, 48) },
	"destination": Destination,
	"reason":      func(s scrub.Sample) string { return s.Policy + " " + s.Reason.String() },
}

// TopKeys lists the ways to group samples, for help texts.
const TopKeys = "source, net, destination, reason"

func sourceOf(addr netip.Addr, bits4, bits6 int) string {
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	p, err := addr.Prefix(bits)
	if err != nil || p.IsSingleIP() {
		return addr.String()
	}
	return p.String()
}

var protocols = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmp6"}

func protocol(number uint8) string {
	if name, ok := protocols[number]; ok {
		return name
	}
	return fmt.Sprintf("proto %d", number)
}

// Destination is a sample's address, port and protocol.
func Destination(s scrub.Sample) string {
	if s.DstPort == 0 {
		return fmt.Sprintf("%s %s", s.Dest, protocol(s.Protocol))
	}
	return fmt.Sprintf("%s %s", netip.AddrPortFrom(s.Dest, s.DstPort), protocol(s.Protocol))
}

// sumUp finds the busiest talkers in samples, oldest first, each of which stands
// for oneOf packets. dropped leaves out what passes.
func sumUp(all []scrub.Sample, by string, most int, oneOf uint32, dropped bool, now time.Time) Top {
	t := Top{By: by, OneOf: oneOf, Seconds: topWindow.Seconds(), Talkers: []Talker{}}
	if len(all) == keptSamples { // older ones are gone
		t.Seconds = min(t.Seconds, max(0.001, now.Sub(all[0].Time).Seconds()))
	}
	sums := make(map[string]*Talker)
	for _, s := range all {
		if now.Sub(s.Time) > topWindow || dropped && s.Reason.Action() == scrub.Passed && s.Watched == nil {
			continue
		}
		name := topBy[by](s)
		one := sums[name]
		if one == nil {
			one = &Talker{Name: name, Policy: s.Policy, reasons: make(map[scrub.Reason]int), dests: make(map[string]int)}
			sums[name] = one
		}
		one.Samples++
		one.Packets += float64(oneOf) / t.Seconds
		one.Bytes += float64(oneOf) * float64(s.Length) / t.Seconds
		one.reasons[s.Reason]++
		one.dests[Destination(s)]++
		one.lastWatch = s.Watched
	}
	for _, one := range sums {
		reason := mostFrequent(one.reasons)
		one.Reason, one.Action, one.Dest = reason.String(), reason.Action().String(), mostFrequent(one.dests)
		if one.lastWatch != nil {
			one.Action = "would drop: " + one.lastWatch.String()
		}
		t.Talkers = append(t.Talkers, *one)
	}
	slices.SortFunc(t.Talkers, func(a, b Talker) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Name, b.Name))
	})
	t.Talkers = t.Talkers[:min(most, len(t.Talkers))]
	return t
}

// mostFrequent returns the key with the highest count.
func mostFrequent[K cmp.Ordered](counts map[K]int) (best K) {
	for k, n := range counts {
		if n > counts[best] || n == counts[best] && k < best {
			best = k
		}
	}
	return best
}
