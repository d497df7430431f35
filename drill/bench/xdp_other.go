//go:build !linux

package bench

import "context"

func xdpUnsupported(context.Context, *Env) (float64, error) {
	return 0, errUnsupported("XDP needs Linux")
}

var (
	xdpDrop    = xdpUnsupported
	xdpDeny    = xdpUnsupported
	xdpClean   = xdpUnsupported
	xdpCookie  = xdpUnsupported
	xdpNftDeny = xdpUnsupported
	xdpNftRate = xdpUnsupported
)
