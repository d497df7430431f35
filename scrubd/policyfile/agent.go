package policyfile

import (
	"cmp"
	"fmt"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
)

// DefaultAgentPath is where the agent's policy file is unless another path is given.
const DefaultAgentPath = "/etc/theriac/agent.yaml"

// AgentFile is an agent's policy file: the policy, which a reload puts in force,
// and the settings of the agent's process, which need a restart.
type AgentFile struct {
	agent.Config `yaml:",inline"`

	Daemon AgentSettings `yaml:"daemon"`
}

// AgentSettings are those of the agent's process.
type AgentSettings struct {
	// The user to switch to once everything is attached. Default: do not switch,
	// but drop all privileges.
	User string `yaml:"user"`

	// A loopback address for metrics, such as 127.0.0.1:9183. Default: none.
	Metrics string `yaml:"metrics"`

	// Whether to set the sysctls that the agent depends on, or only to check
	// them. Default: set.
	Sysctls SysctlMode `yaml:"sysctls"`

	// A directory in a BPF file system that keeps what is loaded. Default:
	// agent.DefaultPins.
	Pins string `yaml:"pins"`
}

// ReadAgent reads an agent's policy file and rejects what cannot work, naming file
// and line.
func ReadAgent(path string) (*AgentFile, error) { return read(path, ParseAgent) }

// ParseAgent reads the content of an agent's policy file, see Parse.
func ParseAgent(raw []byte) (*AgentFile, error) {
	f := new(AgentFile)
	if err := decode(raw, f, f.validate); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *AgentFile) validate() error {
	if err := f.Config.Validate(); err != nil {
		return err
	}
	if f.Daemon.Pins == "" {
		f.Daemon.Pins = agent.DefaultPins
	}
	if err := cmp.Or(absolute("pins", f.Daemon.Pins), loopback(f.Daemon.Metrics)); err != nil {
		return scrub.At(fmt.Errorf("daemon: %w", err), "daemon")
	}
	return nil
}
