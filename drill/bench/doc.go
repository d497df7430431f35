// Package bench measures what this project costs, as ratios: an edge against plain
// Caddy, the dataplane against a bare XDP_DROP and against nftables, both sides in
// one run on the same work.
//
// It starts edges, a Redis and a browser of its own on loopback addresses, and
// ends every process that it started. A bench that this machine cannot run is
// skipped with the reason; one that fails is an error, never a good ratio.
package bench
