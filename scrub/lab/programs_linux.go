package lab

// The object and its Go half are committed: nobody needs clang to build.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -go-package lab -tags linux -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror" programs bpf/lab.c -- -I/usr/include/x86_64-linux-gnu
