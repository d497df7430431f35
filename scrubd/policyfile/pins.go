package policyfile

import (
	"errors"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
)

// Pins is the setting `pins` of the scrubber's policy file: where that which is to be
// unloaded is pinned. To unload is the last resort of an operator, so it is read out of
// a file that could not be put in force, too; without a file it is the default.
func Pins(path string) (string, error) { return pinsIn(path, scrub.DefaultPins) }

// AgentPins is the same setting of an agent's policy file.
func AgentPins(path string) (string, error) { return pinsIn(path, agent.DefaultPins) }

func pinsIn(path, otherwise string) (string, error) {
	pins, err := read(path, func(raw []byte) (*string, error) {
		var file struct {
			Daemon struct{ Pins string }
		}
		if err := yaml.Unmarshal(raw, &file); err != nil {
			return nil, fromYAML(err)
		}
		return &file.Daemon.Pins, nil
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return otherwise, nil
	case err != nil:
		return "", err
	case *pins == "":
		return otherwise, nil
	}
	if err := absolute("pins", *pins); err != nil {
		return "", fmt.Errorf("%s: daemon: %w", path, err)
	}
	return *pins, nil
}
