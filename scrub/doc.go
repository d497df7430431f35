// Package scrub is the dataplane in front of the host: one XDP program that
// counts each packet to a protected address under one reason, and passes it,
// sends it on, answers it or drops it for that.
//
// It stands below TCP, on every interface that leads to the internet, and is
// the only package that speaks to the kernel's BPF. What it loads is pinned
// and goes on without the process that loaded it. If something cannot be
// loaded nothing is attached, and what ran before goes on.
package scrub
