//go:build linux

package scrub

import (
	"net/netip"
	"slices"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// The policy once more, in Go, from what the reasons and the policy file
// promise: a list of stages, each of which is true of a packet or is not. The
// program is compared with it.

// A world is what the model knows beside the packet.
type world struct {
	config *Config
	spent  map[string]map[kernelBudget]bool // by policy; other budgets have no end
	proven map[netip.Addr]bool
	listen map[netip.AddrPort]bool
}

// A stage is one way out.
type stage struct {
	why     string
	applies func(world, *facts) bool
	ends    bool // whatever the mode
}

// said is what the model expects.
type said struct{ policy, why, watched string }

// judge takes a packet through stages.
func (w world) judge(frame []byte, stages []stage) said {
	f := read(frame)
	s := said{policy: generalPolicy}
	for _, st := range stages {
		if st.why == "" { // from here on the destination's policy counts
			if f.policy = w.policyOf(f.dst); f.policy == nil {
				s.why = "unprotected"
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
			mode = w.mode(f, st.why)
		}
		switch {
		case mode == Mitigate:
			s.why = st.why
			return s.routed(f)
		case mode == Monitor && s.watched == "":
			s.watched = st.why
		}
		if st.why == "malformed" { // nothing more can be said of it
			s.why = "unprotected"
			return s
		}
	}
	s.why = "clean"
	return s.routed(f)
}

// routed sends on what passes.
func (s said) routed(f *facts) said {
	if f.policy == nil || f.policy.Tunnel == nil || !slices.Contains([]string{"clean", "allowed", "off"}, s.why) {
		return s
	}
	switch {
	case f.policy.Tunnel.To != addr(wayTo):
		s.why = "no_route"
	case f.length+24 > wayMTU:
		s.why = "too_big"
	case f.hops == 1:
		s.why = "no_route"
	default:
		s.why = "forwarded"
	}
	return s
}

func (w world) mode(f *facts, why string) Mode {
	r, _ := ParseReason(why)
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
func (w world) policyOf(a netip.Addr) (found *Policy) {
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

func (w world) over(f *facts, budgets ...kernelBudget) bool {
	return slices.ContainsFunc(budgets, func(b kernelBudget) bool { return w.spent[f.policy.Name][b] })
}

// bogus says whether nobody can have the source address.
func (w world) bogus(f *facts) bool {
	nobody := []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/8", "ff00::/8"}
	if slices.ContainsFunc(nobody, func(p string) bool { return netip.MustParsePrefix(p).Contains(f.src) }) {
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
	{"unprotected", func(_ world, f *facts) bool { return !f.isIP }, true},
	{"malformed", func(_ world, f *facts) bool { return f.malformed }, false},
	{"land", func(_ world, f *facts) bool { return f.src == f.dst }, false},
	{"flags", func(_ world, f *facts) bool { return f.tcp && !slices.Contains(saneFlags, f.flags) }, false},
	{},
	{"off", func(_ world, f *facts) bool { return f.policy.Mode == Off }, true},
	{"allowed", func(w world, f *facts) bool { return holdsAny(w.config.Allow, f.src) }, true},
	{"denied", func(w world, f *facts) bool { return holdsAny(w.config.Deny, f.src) }, false},
	{"bogon", world.bogus, false},
	{"options", func(_ world, f *facts) bool { return f.options }, false},
	{"fragment", func(w world, f *facts) bool {
		return f.part && (!f.policy.Budgets.Fragment.Unlimited || w.over(f, kernelBudgetBUDGET_FRAGMENT))
	}, false},

	{"port", func(_ world, f *facts) bool { return f.tcp && !f.answer && !servesPort(f.policy.TCP, f.dport) }, false},
	{"syn_data", func(_ world, f *facts) bool { return f.syn && f.payload > 0 }, false},
	{"rate_verified", func(w world, f *facts) bool {
		return f.syn && f.policy.Tunnel != nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET) && w.known(f) && w.over(f, kernelBudgetBUDGET_VERIFIED_SOURCE)
	}, false},
	{"syn_auth", func(w world, f *facts) bool {
		return f.syn && f.policy.Tunnel != nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET) && !w.known(f)
	}, false},
	{"syn_cookie", func(w world, f *facts) bool {
		return f.syn && f.policy.Tunnel == nil && w.over(f, kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_SYN_NET)
	}, false},
	{"rate_verified", func(w world, f *facts) bool {
		return f.tcp && !f.syn && !f.answer && w.known(f) && w.over(f, kernelBudgetBUDGET_VERIFIED_SOURCE)
	}, false},
	{"syn_ack_reflection", func(_ world, f *facts) bool { return f.answer && (f.policy.Tunnel == nil || !f.policy.Outbound) }, false},
	{"out_of_state", func(w world, f *facts) bool {
		elsewhere := f.policy.Tunnel != nil || !f.answer && !w.listen[netip.AddrPortFrom(f.dst, f.dport)]
		return f.tcp && !f.syn && elsewhere && (f.answer || !w.known(f)) && w.over(f, kernelBudgetBUDGET_OUT_OF_STATE)
	}, false},
	{"bad_cookie", func(w world, f *facts) bool {
		return f.tcp && !f.syn && !f.answer && f.policy.Tunnel == nil && w.listen[netip.AddrPortFrom(f.dst, f.dport)] && !w.known(f) && w.over(f, kernelBudgetBUDGET_OUT_OF_STATE)
	}, false},

	{"clean", func(w world, f *facts) bool {
		return f.tcp || f.neighbour || f.icmp && f.news && !w.over(f, kernelBudgetBUDGET_ICMP_ERROR)
	}, true},
	{"udp_reflection", func(w world, f *facts) bool { return f.udp && slices.Contains(w.config.Reflectors, f.sport) }, false},
	{"quic", func(w world, f *facts) bool {
		return f.udp && servesPort(f.policy.QUIC, f.dport) && (!f.quic || f.initial && w.over(f, kernelBudgetBUDGET_QUIC_INITIAL))
	}, false},
	{"port", func(_ world, f *facts) bool {
		return f.udp && !servesPort(f.policy.QUIC, f.dport) && !servesPort(f.policy.UDP, f.dport)
	}, false},
	{"icmp", func(w world, f *facts) bool {
		return f.icmp && (!f.ping && !(f.pong && f.policy.Outbound) || w.over(f, kernelBudgetBUDGET_ICMP))
	}, false},
	{"protocol", func(_ world, f *facts) bool { return f.other && !slices.Contains(f.policy.Protocols, f.protocol) }, false},
	{"rate_dst", func(w world, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED) }, false},
	{"rate_dst_net", func(w world, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED_NET) }, false},
	{"rate_unverified", func(w world, f *facts) bool { return w.over(f, kernelBudgetBUDGET_UNVERIFIED_SOURCE) }, false},
}

// known reports whether a packet's source has proven its address; of IPv6 its
// /64 has.
func (w world) known(f *facts) bool {
	if f.src.Is6() {
		return w.proven[netip.PrefixFrom(f.src, 64).Masked().Addr()]
	}
	return w.proven[f.src]
}

// saneFlags are those that stacks send, RFC 9293.
var saneFlags = []uint8{
	lab.SYN, lab.SYN | lab.ACK, lab.RST, lab.RST | lab.ACK, lab.RST | lab.PSH | lab.ACK,
	lab.ACK, lab.ACK | lab.FIN, lab.ACK | lab.PSH, lab.ACK | lab.URG,
	lab.ACK | lab.FIN | lab.PSH, lab.ACK | lab.FIN | lab.URG, lab.ACK | lab.PSH | lab.URG, lab.ACK | lab.FIN | lab.PSH | lab.URG,
}
