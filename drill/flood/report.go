package flood

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// reportFlood reports the answers that the flood got, and the cost of generating
// it, customers included, since they share the machine with the edge.
func reportFlood(w io.Writer, m *vegeta.Metrics, from int, cpu time.Duration) {
	fmt.Fprintf(w, "flood      %d requests in %s (%.0f/s) from %d addresses\n",
		m.Requests, m.Duration.Round(100*time.Millisecond), m.Rate, from)
	var answers []string
	for _, code := range slices.Sorted(maps.Keys(m.StatusCodes)) {
		name := code
		if code == "0" {
			name = "no answer"
		}
		answers = append(answers, fmt.Sprintf("%s: %d", name, m.StatusCodes[code]))
	}
	fmt.Fprintf(w, "  answers  %s\n", strings.Join(answers, ", "))
	l := m.Latencies
	fmt.Fprintf(w, "  latency  p50 %s, p90 %s, p99 %s, max %s\n", ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max))
	for _, e := range m.Errors[:min(len(m.Errors), 3)] {
		_, e, _ = strings.Cut(e, "\": ") // without method and URL
		fmt.Fprintf(w, "  failed   %s\n", e)
	}
	if m.Requests > 0 {
		fmt.Fprintf(w, "  cost     %.0f µs of CPU per request, for flood and customers together\n", cpu.Seconds()*1e6/float64(m.Requests))
	}
}

// ms formats a latency in tenths of a millisecond.
func ms(d time.Duration) string {
	return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
}
