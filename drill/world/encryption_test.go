package world

import (
	"os"
	"strings"
	"testing"
)

// Edges of attacks on connections have the timeouts and protocols that we ship.
func TestServersAreThoseThatWeShip(t *testing.T) {
	raw, err := os.ReadFile("../../caddyfiles/edge.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	shipped := string(raw)
	for line := range strings.Lines(servers) {
		if line = strings.TrimSpace(line); line == "shop_gate" {
			line += " {" // that we ship has an option
		}
		if !strings.Contains(shipped, "\t"+line) {
			t.Errorf("edge.Caddyfile has no line %q", line)
		}
	}
	for _, word := range []string{"read_header", "read_body_idle", "read_body", "write_idle", "idle"} {
		if !strings.Contains(servers, "\t"+word+" ") {
			t.Errorf("edges of drills have no %s", word)
		}
	}
}
