// Package scrub proves in network namespaces that floods end in the kernel and
// customers do not notice: policies, bans, tunnels, and daemons that are killed.
package scrub
