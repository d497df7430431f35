package certs

import "github.com/prometheus/client_golang/prometheus"

var (
	mirrorReads = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "theriac_certs_mirror_reads_total",
		Help: "Reads that this edge's copy has answered, because the store did not or had what cannot be opened.",
	})

	mirrorErrors = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "theriac_certs_mirror_errors_total",
		Help: "Writes to this edge's copy that failed: it would miss them if it started without the store.",
	})

	unopened = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "theriac_certs_unopened_total",
		Help: "Files of the store that were refused: damaged, moved, or sealed with a secret that this edge does not have.",
	})
)
