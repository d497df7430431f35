package lab

import "slices"

// RoutedVectors are attacks on what the edge sends on to the data centre, and of
// whose connections it sees one half. They want a policy for CentreNet4 and
// CentreNet6 that serves ServedPort of TCP and UDPPort of UDP; elsewhere attacks
// are no other than those of Vectors.
func RoutedVectors() []Vector {
	everywhere := routed(syn)
	everywhere[0].To, everywhere[1].To = CentreNet4, CentreNet6
	return []Vector{
		{Name: "SYN flood", Reason: "syn_auth", Bounded: true, Templates: routed(syn)},
		{Name: "SYN flood over a whole net", Reason: "syn_auth", Bounded: true, Templates: everywhere},
		{Name: "ACK flood", Reason: "out_of_state", Bounded: true, Templates: slices.Concat(
			routed(segment(ACK)), routed(segment(PSH|ACK), make(Payload, 512)))},
		{Name: "RST and FIN flood", Reason: "out_of_state", Bounded: true, Templates: slices.Concat(
			routed(segment(RST)), routed(segment(RST|ACK)), routed(segment(FIN|ACK)))},
		{Name: "SYN-ACK reflection", Reason: "syn_ack_reflection", Templates: slices.Concat(
			routed(TCP{From: 443, To: ServedPort, Flags: SYN | ACK, Ack: 1}), routed(TCP{From: 80, To: 51000, Flags: SYN | ACK, Ack: 1}))},
		{Name: "UDP flood", Reason: "port", Templates: routed(UDP{To: 27015}, make(Payload, 32))},
		{Name: "UDP flood at a port that is served", Reason: "rate_dst", Bounded: true, Templates: routed(UDP{To: UDPPort}, make(Payload, 200))},
	}
}

func routed(layers ...Layer) []Template {
	return between(SpoofedNet4, SpoofedNet6, Centre4, Centre6, layers...)
}
