package scrub

import (
	"math"
	"math/bits"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// What scrub.c has room for.
const (
	maxPolicies = 512
	maxPorts    = len(kernelPolicy{}.Tcp)
	maxQUIC     = len(kernelPolicy{}.Quic)
)

// generalPolicy is the name of the policy that applies before the destination is
// known.
const generalPolicy = "all"

// Units of token buckets, see bpf/state.h.
const (
	tick  = 1 << 20 // ns
	token = 1 << 12
)

// fill sets the budgets that are not given to their defaults.
func (b *Budgets) fill() {
	for budget, events := range map[*Budget]int64{
		&b.SYN: 2000, &b.SYNNet: 10_000, &b.OutOfState: 20_000, &b.Unverified: 50_000, &b.UnverifiedNet: 200_000,
		&b.ICMP: 500, &b.ICMPError: 2000, &b.QUICInitial: 2000, &b.VerifiedSource: 20_000, &b.UnverifiedSource: 5000,
	} {
		if budget.IsZero() {
			*budget = Budget{Rate: shop.Rate{Events: events, Per: time.Second}}
		}
	}
}

// rate is the budget in the units of buckets, divided among the CPUs that receive
// packets. Without a budget there is no limit.
func (b Budget) rate(cpus int) kernelRate {
	if b.Unlimited || b.IsZero() {
		return kernelRate{}
	}
	perSecond := float64(b.Events) / b.Per.Seconds() / float64(cpus)
	return kernelRate{
		PerTick: uint32(min(max(1, perSecond*token*tick/1e9), math.MaxUint32)),
		Burst:   uint32(min(max(token, perSecond*token), math.MaxUint32)),
	}
}

// rates are the budgets in the order of enum budget.
func (b *Budgets) rates(cpus int) (rates [kernelBudgetBUDGET_COUNT]kernelRate) {
	rates[kernelBudgetBUDGET_SYN] = b.SYN.rate(cpus)
	rates[kernelBudgetBUDGET_SYN_NET] = b.SYNNet.rate(cpus)
	rates[kernelBudgetBUDGET_OUT_OF_STATE] = b.OutOfState.rate(cpus)
	rates[kernelBudgetBUDGET_UNVERIFIED] = b.Unverified.rate(cpus)
	rates[kernelBudgetBUDGET_UNVERIFIED_NET] = b.UnverifiedNet.rate(cpus)
	rates[kernelBudgetBUDGET_ICMP] = b.ICMP.rate(cpus)
	rates[kernelBudgetBUDGET_ICMP_ERROR] = b.ICMPError.rate(cpus)
	rates[kernelBudgetBUDGET_QUIC_INITIAL] = b.QUICInitial.rate(cpus)
	rates[kernelBudgetBUDGET_FRAGMENT] = b.Fragment.rate(cpus)
	if b.Fragment.Unlimited { // for fragments, no budget means that none passes
		rates[kernelBudgetBUDGET_FRAGMENT] = kernelRate{PerTick: math.MaxUint32, Burst: math.MaxUint32}
	}
	rates[kernelBudgetBUDGET_VERIFIED_SOURCE] = b.VerifiedSource.rate(1)
	rates[kernelBudgetBUDGET_UNVERIFIED_SOURCE] = b.UnverifiedSource.rate(1) // packets of one source arrive at one CPU
	return rates
}

// compile makes the struct that scrub.c reads. tunnel is the number of the policy's
// tunnel; 0: none.
func (p *Policy) compile(cpus int, tunnel uint8) kernelPolicy {
	k := kernelPolicy{
		Budgets: p.Budgets.rates(cpus), Tunnel: tunnel,
		TcpCount: uint8(len(p.TCP)), UdpCount: uint8(len(p.UDP)), QuicCount: uint8(len(p.QUIC)),
	}
	setPorts(k.Tcp[:], p.TCP)
	setPorts(k.Udp[:], p.UDP)
	setPorts(k.Quic[:], p.QUIC)
	for _, protocol := range p.Protocols {
		k.Protocols[protocol/64] |= 1 << (protocol % 64)
	}
	if p.Outbound {
		k.Outbound = 1
	}
	if p.Mode == Off {
		k.Off = 1
	}
	for r := range k.Mode {
		k.Mode[r] = uint8(kernelModes[p.Mode])
		if mode, ok := p.Modes[Reason(r)]; ok {
			k.Mode[r] = uint8(kernelModes[mode])
		}
	}
	return k
}

func setPorts(into []kernelPorts, ports []Ports) {
	for i, p := range ports {
		into[i].From, into[i].To = p.From, p.To
	}
}

// general makes the policy for packets that are invalid whatever their
// destination.
func (c *Config) general() (k kernelPolicy) {
	for r := range k.Mode {
		k.Mode[r] = uint8(kernelModes[Mitigate])
		if mode, ok := c.Modes[Reason(r)]; ok {
			k.Mode[r] = uint8(kernelModes[mode])
		}
	}
	return k
}

// sampleMask is 2^n-1 for one sample per 2^n packets.
func (c *Config) sampleMask() uint32 { return 1<<bits.Len32(c.Sample-1) - 1 }

// reflectorBits has a bit per port.
func (c *Config) reflectorBits() (words [65536 / 64]uint64) {
	for _, port := range c.Reflectors {
		words[port/64] |= 1 << (port % 64)
	}
	return words
}
