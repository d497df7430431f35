// Package agent is the data centre's end of the tunnels that scrubbers forward
// clean packets in: an XDP program that takes packets out of GRE, so that they
// have their true source again, and a TCX program that clamps the MSS of
// answers, which take another way, to what fits into the tunnel.
//
// It stands before the host's own stack. GRE to an address of this host that
// does not come from a known edge, or leads to an address that is not protected,
// is dropped; anything else passes. What it loads is pinned and goes on without
// the process that loaded it. If something cannot be loaded nothing is attached,
// and what ran before goes on.
package agent

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -cc clang -type reason -type config -type tally agent bpf/agent.c -- -O2 -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -I../bpf -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
