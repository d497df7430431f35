package kit

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
)

// Ban is one ban as an edge reports it.
type Ban struct {
	Client, Key  string
	Shop         shop.ID
	Cause        ban.Cause
	Rule, Notice string
	Until        time.Time
	Pushed       bool
	Packets      uint64
}

// Bans is what GET /shield/bans returns.
type Bans struct {
	Bans  []Ban
	Notes []struct {
		Client, Rule, Outcome string
		Shop                  shop.ID
		Cause                 ban.Cause
	}
}

// BansOf asks an edge for its bans.
func BansOf(t testing.TB, e *edge.Edge) (r Bans) {
	t.Helper()
	e.Get(t, "/shield/bans", &r)
	return r
}

// Metric is the value of a series, such as `x_total{shop="a"}`, at an edge; 0 if
// there is none.
func Metric(t testing.TB, e *edge.Edge, series string) (n int) {
	t.Helper()
	for line := range strings.Lines(e.Metrics(t)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			if _, err := fmt.Sscan(value, &n); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	return n
}

// Shield runs a shield command at an edge.
func Shield(t testing.TB, e *edge.Edge, args ...string) (string, error) {
	t.Helper()
	return edge.Run(t, append(append([]string{"shield"}, args...), "--address", e.Admin)...)
}

// Reference matches the reference that a refused visitor reads.
var Reference = regexp.MustCompile(`\b[0-9a-hjkmnp-tv-z]{4}-[0-9a-hjkmnp-tv-z]{4}\b`)

// Status is what GET /shield/status returns.
type Status struct {
	Store struct {
		Shared bool     `json:"shared"`
		Reason string   `json:"reason"`
		Nodes  []string `json:"nodes"`
	} `json:"store"`
	Secret struct {
		First    string   `json:"first"`
		Accepted []string `json:"accepted"`
		Unlike   []string `json:"unlike"`
	} `json:"secret"`
	Unusable []string `json:"unusable_files"`
}

// StatusOf asks an edge for its status.
func StatusOf(t testing.TB, e *edge.Edge) (s Status) {
	t.Helper()
	e.Get(t, "/shield/status", &s)
	return s
}
