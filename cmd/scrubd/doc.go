// Command scrubd loads and keeps the dataplane of package scrub on one host,
// and is the only program there that may.
//
// It stands beside the edges: they pass verdicts to it over a unix socket, and
// people command it over the same. Once everything is attached it gives its
// privileges away. What it attached goes on without it, so its death, restart
// or upgrade lets no packet through that was dropped before; if it cannot start
// whole, nothing is attached that was not.
package main
