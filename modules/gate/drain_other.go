//go:build !linux

package gate

import "net"

// queue is of no use here: what is refused goes through Go's Accept.
type queue struct{}

func queueOf(net.Listener) queue { return queue{} }

func (l *listener) drain() net.Conn { return nil }
