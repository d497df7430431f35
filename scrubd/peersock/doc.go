// Package peersock is the unix socket of scrubd: it knows which user is at the
// other end of each connection, and what that user may do.
//
// It stands below scrubd/daemon, which serves HTTP over it. The kernel vouches for
// the peer (SO_PEERCRED), so nothing that a client sends is trusted for that. A
// client that the kernel cannot name, or that holds too many connections, is
// disconnected before its first request is read.
package peersock
