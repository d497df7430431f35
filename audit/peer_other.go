//go:build !linux

package audit

import (
	"errors"
	"net"
	"net/netip"
)

// UnixPeer is for Linux only.
func UnixPeer(*net.UnixConn) (Peer, error) { return Peer{}, errors.ErrUnsupported }

// TCPPeer is for Linux only.
func TCPPeer(_, _ netip.AddrPort) (uid int, err error) { return 0, errors.ErrUnsupported }
