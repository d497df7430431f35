// Package lab is where packets may be thrown at a scrubber: an internet, a
// client, an edge and a data centre in network namespaces of their own, a
// generator of every attack that the scrubber counts, and witnesses behind it.
//
// Tests and `drill bench` stand on it. It needs Linux, root and iproute2, and
// sends nothing outside of the namespaces that it makes. What it makes ends with
// Close; what a process that died has left ends with the next New. Whatever it
// cannot set up is an error that names the step.
package lab
