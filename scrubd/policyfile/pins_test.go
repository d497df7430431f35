package policyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
)

func TestPins(t *testing.T) {
	for about, c := range map[string]struct{ text, want, wrong string }{
		"of one's own":                {"daemon:\n  pins: /sys/fs/bpf/mine\n", "/sys/fs/bpf/mine", ""},
		"in a file that cannot work":  {"interfaces: nonsense\nsurplus: 1\ndaemon: {pins: /sys/fs/bpf/mine, user: 7}\n", "/sys/fs/bpf/mine", ""},
		"none":                        {"interfaces: [eth0]\n", scrub.DefaultPins, ""},
		"in an empty file":            {"", scrub.DefaultPins, ""},
		"relative":                    {"daemon:\n  pins: mine\n", "", "want an absolute path"},
		"in a file that is no YAML":   {"daemon: [\n", "", "scrubd.yaml:"},
		"a list instead of a setting": {"daemon:\n  pins: [/sys/fs/bpf/mine]\n", "", "scrubd.yaml:2:"},
	} {
		path := filepath.Join(t.TempDir(), "scrubd.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Pins(path)
		if got != c.want || (err == nil) != (c.wrong == "") {
			t.Errorf("%s: %q, %v, want %q", about, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %s", about, err, c.wrong)
		}
	}
	if got, err := AgentPins(filepath.Join(t.TempDir(), "none.yaml")); got != agent.DefaultPins || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
}
