package layer4

import "github.com/theriac-edge/theriac/watch"

// VectorOf returns the vector of packets that scrubd has dropped or answered for a reason, by its
// name in scrubd's metrics.
func VectorOf(reason string) (v watch.Vector, ok bool) {
	v, ok = vectorOf[reason]
	return v, ok
}

// WithoutVector says why packets with a reason belong to no vector.
func WithoutVector(reason string) (why string, ok bool) {
	why, ok = withoutVector[reason]
	return why, ok
}

var vectorOf = map[string]watch.Vector{
	"syn_cookie": watch.SYN, // answered instead of the host: what is above the budget of SYNs
	"syn_auth":   watch.SYN,
	"syn_data":   watch.SYN,

	"out_of_state": watch.Stray,
	"bad_cookie":   watch.Stray,

	"udp_reflection":     watch.Amplification,
	"syn_ack_reflection": watch.Amplification,

	"port":            watch.UDP, // to what nothing serves: few floods of closed ports are TCP
	"protocol":        watch.UDP,
	"quic":            watch.UDP,
	"rate_dst":        watch.UDP,
	"rate_unverified": watch.UDP,

	"fragment": watch.Fragment,
	"icmp":     watch.ICMP,

	"malformed": watch.Malformed, // and all that no stack of a customer sends
	"land":      watch.Malformed,
	"flags":     watch.Malformed,
	"options":   watch.Malformed,
	"bogon":     watch.Malformed,

	"rate_dst_net": watch.Carpet, // above the budget of a /24 or /64, and not of an address in it

	"rate_verified": watch.FewClients, // a real address that sends far more than a customer
}

var withoutVector = map[string]string{
	"unprotected":       "passed",
	"off":               "passed",
	"allowed":           "passed",
	"clean":             "passed",
	"syncookie_refresh": "passed, so that the host goes on to accept cookies",
	"forwarded":         "passed",
	"handed_on":         "a customer's, on its way to the edge that has the connection",
	"unclaimed":         "passed, since no edge has the connection",
	"too_big":           "a customer's, answered with the MTU of the tunnel",
	"syn_auth_rst":      "a customer's answer to syn_auth",
	"denied":            "of a ban or an operator's list: whatever they do, they are out",
	"no_route":          "our own fault",
}
