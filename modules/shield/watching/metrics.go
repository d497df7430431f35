package watching

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/shop"
)

// changes counts levels that this edge has set. Its labels are of closed lists.
var changes = changeCounter{prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "theriac_watch_level_changes_total",
	Help: "Changes of a shop's level by the watch of this edge, by the level reached and the reason.",
}, []string{"shop", "to", "why"})}

type changeCounter struct{ *prometheus.CounterVec }

func (c changeCounter) count(id shop.ID, to shop.Level, why string) {
	c.WithLabelValues(string(id), strconv.Itoa(int(to)), why).Inc()
}

// Changes is the counter of levels that were set.
func Changes() prometheus.Collector { return changes }
