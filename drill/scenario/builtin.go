package scenario

import (
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/hint"
)

//go:embed scenarios/*.yaml
var builtin embed.FS

// Builtin are the scenarios that the drill comes with, by name.
func Builtin() (all []*Scenario, err error) {
	entries, err := builtin.ReadDir("scenarios")
	if err != nil {
		return nil, fmt.Errorf("listing the scenarios: %w", err)
	}
	for _, e := range entries {
		raw, err := builtin.ReadFile("scenarios/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the scenario %s: %w", e.Name(), err)
		}
		s, err := Parse(e.Name(), raw)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Find reads the scenario of a name, or of a file if it has a slash or ends with
// .yaml.
func Find(name string) (*Scenario, error) {
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		return Read(name)
	}
	all, err := Builtin()
	if err != nil {
		return nil, err
	}
	known := make([]string, len(all))
	for i, s := range all {
		if known[i] = s.Name; s.Name == name {
			return s, nil
		}
	}
	slices.Sort(known)
	return nil, hint.Errorf(strings.Join(known, ", ")+", or a file such as ./mine.yaml", "finding the scenario: unknown scenario %q", name)
}

// Read reads the scenario of a file.
func Read(file string) (*Scenario, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, hint.Errorf("`drill list` for those that are built in", "reading the scenario: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	return Parse(file, raw)
}
