//go:build linux

package scrub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"
)

// AgentConfig is the policy file of an agent, YAML or JSON: whose tunnels end
// here, and for whom.
type AgentConfig struct {
	// The network interfaces that tunnels come in by.
	Interfaces []string `yaml:"interfaces" json:"interfaces"`

	// The network interfaces that answers leave by. Default: the same.
	Egress []string `yaml:"egress,omitempty" json:"egress,omitempty"`

	// The addresses of this host that tunnels lead to.
	Local []netip.Addr `yaml:"local" json:"local"`

	// The addresses of the edges that tunnels come from. GRE to a local address
	// from anybody else is dropped.
	Peers []netip.Addr `yaml:"peers" json:"peers"`

	// What may come out of a tunnel: packets to these addresses or prefixes.
	Protect []Prefix `yaml:"protect" json:"protect"`

	// The longest packet that the way from the edges to here takes. Default:
	// 1500.
	MTU int `yaml:"mtu,omitempty" json:"mtu,omitempty"`

	// Whether another one, such as a router, clamps what answers ask for.
	// Default: the agent does.
	NoClamp bool `yaml:"no_clamp,omitempty" json:"no_clamp,omitempty"`
}

// What a tunnel takes away of a packet, and headers of what is in it.
const (
	outerSize = 20 + 4
	tcp4Size  = 20 + 20
	tcp6Size  = 40 + 20
)

// What agent.c has room for.
const (
	maxLocals    = 64
	maxPeers     = 1024
	maxProtected = 1024
)

// ParseAgent reads the content of an agent's policy file and refuses what cannot
// work.
func ParseAgent(raw []byte) (*AgentConfig, error) {
	c := new(AgentConfig)
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return c, c.Validate()
}

// Validate refuses what cannot work, and fills in the defaults.
func (c *AgentConfig) Validate() error {
	switch {
	case len(c.Interfaces) == 0:
		return errors.New("interfaces is missing: which ones do tunnels come in by?")
	case len(c.Local) == 0:
		return errors.New("local is missing: which addresses of this host do tunnels lead to?")
	case len(c.Peers) == 0:
		return errors.New("peers is missing: which edges do tunnels come from?")
	case len(c.Protect) == 0:
		return errors.New("protect is missing: which addresses is it for?")
	case len(c.Local) > maxLocals || len(c.Peers) > maxPeers || len(c.Protect) > maxProtected:
		return fmt.Errorf("at most %d addresses in local, %d in peers and %d in protect are possible", maxLocals, maxPeers, maxProtected)
	}
	for _, addr := range slices.Concat(c.Local, c.Peers) {
		if !addr.Is4() {
			return fmt.Errorf("%s: the ends of tunnels are IPv4 addresses", addr)
		}
	}
	for _, addr := range c.Peers {
		if slices.Contains(c.Local, addr) {
			return fmt.Errorf("%s is a peer, and an address of this host", addr)
		}
	}
	for _, p := range c.Protect {
		if p.Bits() == 0 {
			return fmt.Errorf("protect: %s is everything", p)
		}
		for _, addr := range c.Local {
			if p.Contains(addr) {
				return fmt.Errorf("protect: %s has %s, where tunnels end", p, addr)
			}
		}
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.MTU < 1280+outerSize || c.MTU > 65535 {
		return fmt.Errorf("mtu is %d; it may be %d, so that IPv6 fits into the tunnel, to 65535", c.MTU, 1280+outerSize)
	}
	if c.Egress == nil {
		c.Egress = slices.Clone(c.Interfaces)
	}
	return nil
}

// clamps are the largest segments that answers may ask for.
func (c *AgentConfig) clamps() agentConfig {
	if c.NoClamp {
		return agentConfig{}
	}
	return agentConfig{Mss4: uint16(c.MTU - outerSize - tcp4Size), Mss6: uint16(c.MTU - outerSize - tcp6Size)}
}

// families splits what is protected.
func (c *AgentConfig) families() (v4, v6 []netip.Prefix) {
	for _, p := range c.Protect {
		if p.Addr().Is4() {
			v4 = append(v4, p.Prefix)
		} else {
			v6 = append(v6, p.Prefix)
		}
	}
	return v4, v6
}
