package lab

// The object and its Go half are committed, so that no build needs clang.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -go-package lab -tags linux -target bpfel -cc clang programs bpf/lab.c -- -O2 -fno-strict-aliasing -Wall -Werror -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu
