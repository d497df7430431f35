//go:build !linux

package gate

import "net"

// queue is unused here: refused connections go through Go's Accept.
type queue struct{}

func queueOf(net.Listener) queue { return queue{} }

func (l *listener) drain() net.Conn { return nil }
