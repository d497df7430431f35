//go:build linux

package scrub

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -tags linux -target bpfel -cc clang -type reason -type mode -type budget -type rate -type policy -type config -type destination -type key4 -type key6 -type listed -type lengths -type list -type proven_set -type tags -type tally -type sample -type ports -type tunnel -type name -type hosts4 -type hosts6 -type times kernel bpf/scrub.c -- -O2 -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -tags linux -target bpfel -cc clang -type reason -type config -type tally agent bpf/agent.c -- -O2 -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
