package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	netlab "github.com/theriac-edge/theriac/scrub/lab"
)

// nftTable uses the earliest hook of nftables. The scrubber has the same list and the
// same limit: neither lets denied sources through, nor what one source sends beyond
// the limit. nftables keeps state per source, the scrubber the cells of a sketch.
func nftTable() string {
	var nets strings.Builder
	fmt.Fprintf(&nets, "%s,", deniedAddr)
	for i := range deniedSources {
		fmt.Fprintf(&nets, "%s,", deniedNet(i))
	}
	return fmt.Sprintf(`table netdev drill {
	set denied { type ipv4_addr; flags interval; elements = { %s } }
	set seen { type ipv4_addr; flags dynamic; size 65536; timeout 1m; }
	chain ingress {
		type filter hook ingress device "internet" priority 0; policy accept;
		ip saddr @denied counter drop
		update @seen { ip saddr limit rate over 1/minute burst 1 packets } counter drop
	}
}
`, &nets)
}

func xdpNftDeny(ctx context.Context, env *Env) (float64, error) {
	var shots []netlab.Template
	for i := range 16 {
		shots = append(shots, fromNet(deniedNet(i*deniedSources/16)))
	}
	return againstNft(ctx, env, "denied", shots)
}

// fromNet is a datagram to the shop from a random source within a prefix.
func fromNet(net netip.Prefix) netlab.Template {
	ip := netlab.IPv4{Src: net.Addr(), Dst: netlab.Shop4}
	return netlab.Template{Packet: netlab.Build(netlab.Ethernet{}, ip, netlab.UDP{From: 40000, To: 5000}), From: net}
}

// xdpNftRate has 65,536 sources send 5 packets per second each, which is above the
// limit.
func xdpNftRate(ctx context.Context, env *Env) (float64, error) {
	return againstNft(ctx, env, "rate_unverified", []netlab.Template{fromNet(netip.MustParsePrefix("100.64.0.0/16"))})
}

// againstNft is the ratio of the cost of nftables to that of the whole program, per
// packet of a flood. The cost of sending, measured with an edge that receives
// nothing, is subtracted from both.
func againstNft(ctx context.Context, env *Env, why string, shots []netlab.Template) (ratio float64, err error) {
	if _, err := exec.LookPath("nft"); err != nil {
		return 0, errUnsupported("nft is not installed: apt-get install nftables")
	}
	sender, err := newXDPLab()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sender.Close()) }()
	if err := sender.StopReceiving(); err != nil {
		return 0, err
	}
	theirs, err := newXDPLab()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, theirs.Close()) }()
	nft := theirs.Edge.Command(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(nftTable())
	if out, err := nft.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("setting up nftables: %w: %s", err, bytes.TrimSpace(out))
	}
	ours, s, err := scrubbed("unverified_source: 1/m, unverified: unlimited, unverified_net: unlimited", denyAll)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close(), ours.Close()) }()
	labs := []*netlab.Lab{sender, theirs, ours}
	for _, n := range labs {
		n.OneCPU = true // since each CPU has cells of its own
		if err := n.RemoveWitnesses(); err != nil {
			return 0, err
		}
	}
	var ratios []float64
	const settling = 3 // rounds in which sets fill up, and sources use up their budgets
	for round := range settling + env.Rounds {
		var cost [3]float64
		for i, n := range labs {
			fired, err := n.Send(ctx, shots, floodRate, floodFor)
			if err != nil {
				return 0, err
			}
			cost[i] = float64(fired.PerPacket())
		}
		if round < settling {
			continue
		}
		fmt.Fprintf(env.Log, "%s: ns per packet: %.0f to send, %.0f with nftables, %.0f with the scrubber\n", env.bench, cost[0], cost[1], cost[2])
		ratios = append(ratios, (cost[1]-cost[0])/(cost[2]-cost[0]))
	}
	of := spreadOf(ratios)
	fmt.Fprintf(env.Log, "%s: %s\n", env.bench, of)
	byUs, err := leftFor(s, why)
	if err != nil {
		return 0, err
	}
	byNft, err := droppedByNft(ctx, theirs)
	if least := uint64(env.Rounds) * floodRate / 5; err == nil && min(byUs, byNft) < least {
		err = fmt.Errorf("%d packets were dropped as %s, and %d by nftables, want at least %d", byUs, why, byNft, least)
	}
	return of.median, err
}

var nftCounter = regexp.MustCompile(`counter packets (\d+)`)

// droppedByNft sums up the counters of the rules.
func droppedByNft(ctx context.Context, n *netlab.Lab) (sum uint64, err error) {
	out, err := n.Edge.Command(ctx, "nft", "list", "chain", "netdev", "drill", "ingress").Output()
	if err != nil {
		return 0, fmt.Errorf("reading the counters of nftables: %w", err)
	}
	for _, found := range nftCounter.FindAllSubmatch(out, -1) {
		packets, err := strconv.ParseUint(string(found[1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading a counter of nftables: %w", err)
		}
		sum += packets
	}
	return sum, nil
}
