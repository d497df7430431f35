// Package gate proves from outside that the gate bounds connections, handshakes
// and QUIC before the edge spends anything on them.
package gate
