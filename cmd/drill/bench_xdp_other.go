//go:build !linux

package main

import "context"

func xdpElsewhere(context.Context, *lab) (float64, error) {
	return 0, elsewhere("XDP is there on Linux only")
}

var (
	xdpDrop    = xdpElsewhere
	xdpDeny    = xdpElsewhere
	xdpClean   = xdpElsewhere
	xdpCookie  = xdpElsewhere
	xdpNftDeny = xdpElsewhere
	xdpNftRate = xdpElsewhere
)
