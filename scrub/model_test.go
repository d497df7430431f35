//go:build linux

package scrub

import (
	"net/netip"
	"slices"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// The policy once more, in Go, from what the reasons and the policy file promise: a
// list of stages, each of which applies to a packet or does not. The program is
// compared with it.

// A model is the policy, and what it knows beside the packet.
type model struct {
	config   *Config
	spent    map[string]map[kernelBudget]bool // by policy; other budgets are unlimited
	verified map[netip.Addr]bool
	listen   map[netip.AddrPort]bool
}

// A stage is one way out.
type stage struct {
	reason  string
	applies func(model, *facts) bool
	ends    bool // whatever the mode
}

// expect is the result that the model expects.
type expect struct{ policy, reason, watched string }

// judge takes a packet through stages.
func (w model) judge(frame []byte, stages []stage) expect {
	f := read(frame)
	s := expect{policy: generalPolicy}
	for _, st := range stages {
		if st.reason == "" { // from here on the destination's policy counts
			if f.policy = w.policyOf(f.dst); f.policy == nil {
				s.reason = "unprotected"
				return s
			}
			s.policy = f.policy.Name
			continue
		}
		if !st.applies(w, f) {
			continue
		}
		mode := Mitigate
		if !st.ends {
			mode = w.mode(f, st.reason)
		}
		switch {
		case mode == Mitigate:
			s.reason = st.reason
			return s.routed(f)
		case mode == Monitor && s.watched == "":
			s.watched = st.reason
		}
		if st.reason == "malformed" { // no other stage can read it
			s.reason = "unprotected"
			return s
		}
	}
	s.reason = "clean"
	return s.routed(f)
}

// routed forwards what passes.
func (s expect) routed(f *facts) expect {
	if f.policy == nil || f.policy.Tunnel == nil || !slices.Contains([]string{"clean", "allowed", "off"}, s.reason) {
		return s
	}
	switch {
	case f.policy.Tunnel.To != addr(wayTo):
		s.reason = "no_route"
	case f.length+24 > wayMTU:
		s.reason = "too_big"
	case f.hops == 1:
		s.reason = "no_route"
	default:
		s.reason = "forwarded"
	}
	return s
}

func (w model) mode(f *facts, reason string) Mode {
	r, _ := ParseReason(reason)
	modes, otherwise := w.config.Modes, Mitigate
	if f.policy != nil {
		modes, otherwise = f.policy.Modes, f.policy.Mode
	}
	if mode, ok := modes[r]; ok {
		return mode
	}
	return otherwise
}

// policyOf finds the policy with the longest prefix around an address.
func (w model) policyOf(a netip.Addr) (found *Policy) {
	bits := -1
	for i := range w.config.Policies {
		for _, p := range w.config.Policies[i].Protect {
			if p.Contains(a) && p.Bits() > bits {
				found, bits = &w.config.Policies[i], p.Bits()
			}
		}
	}
	return found
}

func holdsAny(list []Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p Prefix) bool { return p.Contains(a) })
}

func servesPort(list []Ports, port uint16) bool {
	return slices.ContainsFunc(list, func(p Ports) bool { return p.From <= port && port <= p.To })
}

func (w model) over(f *facts, budgets ...kernelBudget) bool {
	return slices.ContainsFunc(budgets, func(b kernelBudget) bool { return w.spent[f.policy.Name][b] })
}

// bogus reports whether no host can have the source address.
func (w model) bogus(f *facts) bool {
	bogons := []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/8", "ff00::/8"}
	if slices.ContainsFunc(bogons, func(p string) bool { return netip.MustParsePrefix(p).Contains(f.src) }) {
		return true
	}
	if f.src.Is6() && f.src.IsLinkLocalUnicast() {
		return f.protocol != 58
	}
	own, bits := netip.Prefix{}, -1
	for _, p := range f.policy.Protect {
		if p.Contains(f.dst) && p.Bits() > bits {
			own, bits = p.Prefix, p.Bits()
		}
	}
	return bits > 0 && own.Contains(f.src) && !f.neighbour
}

// stages are the way of a packet.
var stages = []stage{
	{"unprotected", func(_ model, f *facts) bool { return !f.isIP }, true},
	{"malformed", func(_ model, f *facts) bool { return f.malformed }, false},
	{"land", func(_ model, f *facts) bool { return f.src == f.dst }, false},
	{"flags", func(_ model, f *facts) bool { return f.tcp && !slices.Contains(saneFlags, f.flags) }, false},
	{},
	{"off", func(_ model, f *facts) bool { return f.policy.Mode == Off }, true},
	{"allowed", func(w model, f *facts) bool { return holdsAny(w.config.Allow, f.src) }, true},
	{"denied", func(w model, f *facts) bool { return holdsAny(w.config.Deny, f.src) }, false},
	{"bogon", model.bogus, false},
	{"options", func(_ model, f *facts) bool { return f.options }, false},
	{"fragment", func(w model, f *facts) bool {
		return f.part && (!f.policy.Budgets.Fragment.Unlimited || w.over(f, kernelBudgetBUDGET_FRAGMENT))
	}, false},

	{"port", func(_ model, f *facts) bool { return f.tcp && !f.answer && !servesPort(f.policy.TCP, f.dport) }, false},
	{"syn_data", func(_ model, f *facts) bool { return f.syn && f.payload > 0 }, false},
	{"rate_verified", func(w model, f *facts) bool {
		return f.syn && f.policy.Tunnel != nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET) && w.known(f) && w.over(f, kernelBudgetBUDGET_VERIFIED_SOURCE)
	}, false},
	{"syn_auth", func(w model, f *facts) bool {
		return f.syn && f.policy.Tunnel != nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET) && !w.known(f)
	}, false},
	{"syn_cookie", func(w model, f *facts) bool {
		return f.syn && f.policy.Tunnel == nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET)
	}, false},
	{"rate_verified", func(w model, f *facts) bool {
		return f.tcp && !f.syn && !f.answer && w.known(f) && w.over(f, kernelBudgetBUDGET_VERIFIED_SOURCE)
	}, false},
	{"syn_ack_reflection", func(_ model, f *facts) bool { return f.answer && (f.policy.Tunnel == nil || !f.policy.Outbound) }, false},
	{"out_of_state", func(w model, f *facts) bool {
		elsewhere := f.policy.Tunnel != nil || !f.answer && !w.listen[netip.AddrPortFrom(f.dst, f.dport)]
		return f.tcp && !f.syn && elsewhere && (f.answer || !w.known(f)) && w.over(f, kernelBudgetBUDGET_OUT_OF_STATE)
	}, false},
	{"bad_cookie", func(w model, f *facts) bool {
		return f.tcp && !f.syn && !f.answer && f.policy.Tunnel == nil && w.listen[netip.AddrPortFrom(f.dst, f.dport)] && !w.known(f) && w.over(f, kernelBudgetBUDGET_OUT_OF_STATE)
	}, false},

	{"clean", func(w model, f *facts) bool {
		return f.tcp || f.neighbour || f.icmp && f.news && !w.over(f, kernelBudgetBUDGET_ICMP_ERROR)
	}, true},
	{"udp_reflection", func(w model, f *facts) bool { return f.udp && slices.Contains(w.config.Reflectors, f.sport) }, false},
	{"quic", func(w model, f *facts) bool {
		return f.udp && servesPort(f.policy.QUIC, f.dport) && (!f.quic || f.initial && w.over(f, kernelBudgetBUDGET_QUIC_INITIAL))
	}, false},
	{"port", func(_ model, f *facts) bool {
		return f.udp && !servesPort(f.policy.QUIC, f.dport) && !servesPort(f.policy.UDP, f.dport)
	}, false},
	{"icmp", func(w model, f *facts) bool {
		return f.icmp && (!f.ping && !(f.pong && f.policy.Outbound) || w.over(f, kernelBudgetBUDGET_ICMP))
	}, false},
	{"protocol", func(_ model, f *facts) bool { return f.other && !slices.Contains(f.policy.Protocols, f.protocol) }, false},
	{"rate_dst", func(w model, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED) }, false},
	{"rate_dst_net", func(w model, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED_NET) }, false},
	{"rate_unverified", func(w model, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED_SOURCE) }, false},
}

// known reports whether a packet's source is verified; of IPv6 its
// /64 has.
func (w model) known(f *facts) bool {
	if f.src.Is6() {
		return w.verified[netip.PrefixFrom(f.src, 64).Masked().Addr()]
	}
	return w.verified[f.src]
}

// saneFlags are those that stacks send, RFC 9293.
var saneFlags = []uint8{
	lab.SYN, lab.SYN | lab.ACK, lab.RST, lab.RST | lab.ACK, lab.RST | lab.PSH | lab.ACK,
	lab.ACK, lab.ACK | lab.FIN, lab.ACK | lab.PSH, lab.ACK | lab.URG,
	lab.ACK | lab.FIN | lab.PSH, lab.ACK | lab.FIN | lab.URG, lab.ACK | lab.PSH | lab.URG, lab.ACK | lab.FIN | lab.PSH | lab.URG,
}
