// Package scrub is the dataplane in front of the host: one XDP program that counts
// each packet to a protected address under one reason, and passes, forwards,
// answers or drops it because of that.
//
// It runs below TCP, on every interface that leads to the internet. A policy file
// (Parse, Config) says what is protected; a Scrubber puts it in force and keeps the
// deny list. The program is pinned and goes on without the process that loaded it.
// If something cannot be loaded, nothing is attached, and what ran before goes on.
// Policies, reasons and entries build on every system; a Scrubber needs Linux.
package scrub

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -cc clang -type reason -type mode -type budget -type rate -type policy -type config -type destination -type key4 -type key6 -type listed -type lengths -type list -type verified_set -type tags -type tally -type sample -type ports -type tunnel -type ring -type name -type host_bucket4 -type host_bucket6 -type times kernel bpf/scrub.c -- -O2 -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
