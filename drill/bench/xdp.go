package bench

// xdpBenches measure the dataplane on Linux, as root. Ratios are to a program that
// drops everything, in the same run; with nftables they are that of nftables to
// the dataplane.
var xdpBenches = []Bench{
	{
		Name: "xdp_drop", Budget: "2", Run: xdpDrop,
		About: "datagram of a reflector, dropped and counted, against a bare XDP_DROP",
	},
	{
		Name: "xdp_deny", Budget: noBudget, Run: xdpDeny,
		About: "packet of a denied source, 100,000 of them listed, against the same",
	},
	{
		Name: "xdp_clean", Budget: "5", Run: xdpClean,
		About: "clean packet of one of 4 billion sources, 100,000 denied, against the same; the costlier of TCP and QUIC",
	},
	{
		Name: "xdp_cookie", Budget: "13", Run: xdpCookie,
		About: "SYN answered with a cookie against the same, both by the kernel's own clock",
	},
	{
		Name: "xdp_nft_deny", Budget: "7..", Run: xdpNftDeny,
		About: "nftables against the whole program, the same 100,000 denied sources, over a link, without the cost of sending",
	},
	{
		Name: "xdp_nft_rate", Budget: "7..", Run: xdpNftRate,
		About: "the same for a limit by source",
	},
}
