//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/scrub/agent"
)

const defaultAgentConfig = "/etc/theriac/agent.yaml"

// agentFile is what stands in an agent's policy file: the policy, which a reload
// puts in force, and what the agent's process needs, which a restart does.
type agentFile struct {
	agent.Config `yaml:",inline"`

	Daemon agentSettings `yaml:"daemon"`
}

// agentSettings are those of the agent's process.
type agentSettings struct {
	// The user to become once everything is attached. Default: stay who it is,
	// without privileges.
	User string `yaml:"user"`

	// A loopback address for metrics, such as 127.0.0.1:9181. Default: none.
	Metrics string `yaml:"metrics"`

	// Whether to set the sysctls that the agent depends on, or only to check
	// them. Default: set.
	Sysctls sysctlMode `yaml:"sysctls"`

	// A folder in a BPF file system that keeps what is loaded. Default:
	// /sys/fs/bpf/theriac-agent.
	Pins string `yaml:"pins"`
}

// readAgentFile reads an agent's policy file and refuses what cannot work,
// naming file and line.
func readAgentFile(path string) (*agentFile, error) { return readPolicy(path, parseAgentFile) }

func parseAgentFile(raw []byte) (*agentFile, error) {
	f := new(agentFile)
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := f.Config.Validate(); err != nil {
		return nil, err
	}
	if f.Daemon.Pins == "" {
		f.Daemon.Pins = agent.DefaultPins
	}
	if !filepath.IsAbs(f.Daemon.Pins) {
		return nil, fmt.Errorf("daemon: pins is %q; write the whole path", f.Daemon.Pins)
	}
	if err := loopback(f.Daemon.Metrics); err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	return f, nil
}
