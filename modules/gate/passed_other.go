//go:build !linux

package gate

// passedSockets returns none: only systemd passes sockets in a way that is known here.
func passedSockets() []passedSocket { return nil }
