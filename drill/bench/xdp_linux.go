package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/features"
	netlab "github.com/theriac-edge/theriac/scrub/lab"
)

// deniedSources is how many prefixes are denied. They are spread over all addresses
// by steps of the golden ratio, so that no two can be merged.
const deniedSources = 100_000

// deniedAddr is denied beside them: bans have two lengths, and both are searched.
var deniedAddr = netip.MustParsePrefix("192.0.2.1/32")

func deniedNet(i int) netip.Prefix {
	n := uint32(i) * 10368889 << 8
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), 0}), 24)
}

// xdpPolicy is the policy of a shop. One of 8 random sources is a bogon, and must be
// judged to the end as well.
const xdpPolicy = `
interfaces: [internet]
policies:
  - name: shop
    protect: [203.0.113.10, "2001:db8:113::10"]
    modes: {bogon: "off"}
    tcp: [80, 443]
    udp: [5000]
    quic: [443]
    budgets: {%s}
`

// Packets that the benches judge, all for the shop.
func toShop(layers ...netlab.Layer) netlab.Packet {
	ip := netlab.IPv4{Src: netip.MustParseAddr("198.18.7.7"), Dst: netlab.Shop4}
	return netlab.Build(append([]netlab.Layer{netlab.Ethernet{}, ip}, layers...)...)
}

// newXDPLab builds a lab, or returns errUnsupported.
func newXDPLab() (*netlab.Lab, error) {
	if os.Geteuid() != 0 {
		return nil, errUnsupported("only root may load programs into the kernel")
	}
	if err := features.Available(); err != nil {
		return nil, errUnsupported(err.Error())
	}
	return netlab.New()
}

// runs is the number of packets of one figure: some 50 ms.
const runs = 500_000

// judged is the ratio of the time of the program to that of a bare drop, for the
// costliest of the packets. Every packet must be counted under the reason.
func judged(env *Env, why string, fromAll bool, packets ...netlab.Packet) (ratio float64, err error) {
	n, err := newXDPLab()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	s, err := measured(n, fromAll)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var costliest spread
	for _, p := range packets {
		before, err := leftFor(s, why)
		if err != nil {
			return 0, err
		}
		var ratios []float64
		for range env.Rounds {
			bare, err := n.MeasureDrop(p.Bytes, runs)
			if err != nil {
				return 0, err
			}
			ours, err := s.Measure(p.Bytes, runs)
			if err != nil {
				return 0, err
			}
			ratios = append(ratios, float64(ours)/float64(bare))
		}
		now, err := leftFor(s, why)
		if err != nil {
			return 0, err
		}
		if counted, sent := now-before, uint64(env.Rounds*runs); counted < sent*98/100 {
			return 0, fmt.Errorf("%d of %d packets were counted as %s", counted, sent, why)
		}
		of := spreadOf(ratios)
		fmt.Fprintf(env.Log, "%s: %s\n", env.bench, of)
		if of.median > costliest.median {
			costliest = of
		}
	}
	return costliest.median, nil
}

// measured loads a program that denies 100,000 sources. With fromAll its packets seem
// to come from everywhere.
func measured(n *netlab.Lab, fromAll bool) (*scrub.Scrubber, error) {
	dir, err := n.BPFFS()
	if err != nil {
		return nil, err
	}
	c, err := scrub.Parse(fmt.Appendf(nil, xdpPolicy, ""))
	if err != nil {
		return nil, err
	}
	s, err := scrub.LoadToMeasure(filepath.Join(dir, "theriac"), c, fromAll)
	if err != nil {
		return nil, err
	}
	return s, denyAll(s)
}

func denyAll(s *scrub.Scrubber) error {
	until := time.Now().Add(time.Hour)
	for i := range deniedSources {
		if err := s.Deny(scrub.Entry{Prefix: deniedNet(i), Until: until}); err != nil {
			return err
		}
	}
	return s.Deny(scrub.Entry{Prefix: deniedAddr, Until: until})
}

// leftFor is how many packets have this reason.
func leftFor(s *scrub.Scrubber, why string) (n uint64, err error) {
	tallies, err := s.Tallies()
	for _, t := range tallies {
		if t.Reason.String() == why {
			n += t.Packets
		}
	}
	return n, err
}

func xdpDrop(_ context.Context, env *Env) (float64, error) {
	return judged(env, "udp_reflection", false, toShop(netlab.UDP{From: 123, To: 40000}, make(netlab.Payload, 440)))
}

func xdpDeny(_ context.Context, env *Env) (float64, error) {
	return judged(env, "denied", false, fromNet(deniedNet(deniedSources/2)).Packet)
}

func xdpClean(_ context.Context, env *Env) (float64, error) {
	initial := make(netlab.Payload, 1200)
	copy(initial, []byte{0xc0, 0, 0, 0, 1})
	return judged(env, "clean", true,
		toShop(netlab.TCP{From: 40000, To: 443, Flags: netlab.ACK, Ack: 1}), toShop(netlab.UDP{From: 40000, To: 443}, initial))
}

// xdpCookie compares runs under a flood, since an answer cannot be run again.
func xdpCookie(ctx context.Context, env *Env) (ratio float64, err error) {
	bare, err := newXDPLab()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, bare.Close()) }()
	stop, err := bare.DropAll()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	ours, s, err := scrubbed("syn: 1/s", nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close(), ours.Close()) }()
	timed, err := scrub.KeepTime()
	if err != nil {
		return 0, err
	}
	defer timed.Close()
	syn := []netlab.Template{{Packet: toShop(netlab.SYNOf(443)), From: netlab.SpoofedNet4, FromPort: true, Numbers: true}}
	var ratios []float64
	for range env.Rounds {
		least, err := each(ctx, bare, syn, bare.DropSpent)
		if err != nil {
			return 0, err
		}
		cookie, err := each(ctx, ours, syn, s.Spent)
		if err != nil {
			return 0, err
		}
		ratios = append(ratios, cookie/least)
	}
	of := spreadOf(ratios)
	fmt.Fprintf(env.Log, "%s: %s\n", env.bench, of)
	cookies, err := leftFor(s, "syn_cookie")
	if least := uint64(env.Rounds) * floodRate / 4; err == nil && cookies < least {
		err = fmt.Errorf("%d SYNs were answered, want at least %d", cookies, least)
	}
	return of.median, err
}

// Rate and duration of the floods of benches.
const (
	floodRate = 300_000
	floodFor  = 300 * time.Millisecond
)

// each is the mean time, in ns, of the attached program per packet of a flood.
func each(ctx context.Context, n *netlab.Lab, shots []netlab.Template, spent func() (time.Duration, uint64, error)) (float64, error) {
	took, times, err := spent()
	if err != nil {
		return 0, err
	}
	if _, err := n.Send(ctx, shots, floodRate, floodFor); err != nil {
		return 0, err
	}
	now, all, err := spent()
	if err != nil {
		return 0, err
	}
	if all == times {
		return 0, errors.New("no packet reached the program")
	}
	return float64(now-took) / float64(all-times), nil
}

// scrubbed is a lab with the whole program attached to its edge.
func scrubbed(budgets string, prepare func(*scrub.Scrubber) error) (n *netlab.Lab, s *scrub.Scrubber, err error) {
	if n, err = newXDPLab(); err != nil {
		return nil, nil, err
	}
	fail := func(err error) (*netlab.Lab, *scrub.Scrubber, error) { return nil, nil, errors.Join(err, n.Close()) }
	dir, err := n.BPFFS()
	if err != nil {
		return fail(err)
	}
	c, err := scrub.Parse(fmt.Appendf(nil, xdpPolicy, budgets))
	if err != nil {
		return fail(err)
	}
	if s, err = scrub.Load(filepath.Join(dir, "theriac")); err != nil {
		return fail(err)
	}
	err = s.Apply(c)
	if err == nil && prepare != nil {
		err = prepare(s)
	}
	if err == nil {
		err = n.Edge.Do(func() error {
			_, err := s.Attach(netlab.ToInternet)
			return err
		})
	}
	if err != nil {
		return fail(errors.Join(err, s.Close()))
	}
	return n, s, nil
}
