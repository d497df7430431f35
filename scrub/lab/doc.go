// Package lab is a test network for scrubbers: an internet, a client, an edge and a
// data centre in network namespaces of their own, a generator of every attack that
// the scrubber counts, and witnesses that count what passes it.
//
// Tests and `drill bench` use it. It needs Linux, root and iproute2, and sends
// nothing out of the namespaces that it creates. Close removes them; New also removes
// those of processes that have died. What it cannot set up is an error that names
// the step.
package lab
