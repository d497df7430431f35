package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/scrub"
)

// Config is the policy file of an agent, YAML or JSON: which tunnels end here,
// and to which addresses they lead.
type Config struct {
	// The network interfaces on which tunnels arrive.
	Interfaces []string `yaml:"interfaces" json:"interfaces"`

	// The network interfaces on which answers leave. Default: the same.
	Egress []string `yaml:"egress,omitempty" json:"egress,omitempty"`

	// The addresses of this host that tunnels lead to.
	Local []netip.Addr `yaml:"local" json:"local"`

	// The addresses of the edges. GRE to a local address from any other address is
	// dropped.
	Peers []netip.Addr `yaml:"peers" json:"peers"`

	// What may come out of a tunnel: packets to these addresses or prefixes.
	Protect []scrub.Prefix `yaml:"protect" json:"protect"`

	// The MTU of the path from the edges to here. Default: 1500.
	MTU int `yaml:"mtu,omitempty" json:"mtu,omitempty"`

	// Whether something else, such as a router, clamps the MSS of answers.
	// Default: the agent does.
	NoClamp bool `yaml:"no_clamp,omitempty" json:"no_clamp,omitempty"`
}

// Sizes of headers: of the tunnel, and of TCP over each family inside it.
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

// Parse reads the content of an agent's policy file, validates it, and fills in
// the defaults.
func Parse(raw []byte) (*Config, error) {
	c := new(Config)
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return c, c.Validate()
}

// Validate reports the first mistake, and fills in the defaults.
func (c *Config) Validate() error {
	switch {
	case len(c.Interfaces) == 0:
		return errors.New("interfaces is missing: on which ones do tunnels arrive?")
	case len(c.Local) == 0:
		return errors.New("local is missing: to which addresses of this host do tunnels lead?")
	case len(c.Peers) == 0:
		return errors.New("peers is missing: from which edges do tunnels come?")
	case len(c.Protect) == 0:
		return errors.New("protect is missing: which addresses are protected?")
	case len(c.Local) > maxLocals || len(c.Peers) > maxPeers || len(c.Protect) > maxProtected:
		return fmt.Errorf("too many addresses: local takes at most %d, peers %d and protect %d", maxLocals, maxPeers, maxProtected)
	}
	for list, addrs := range map[string][]netip.Addr{"local": c.Local, "peers": c.Peers} {
		for i, addr := range addrs {
			if !addr.Is4() {
				return scrub.At(fmt.Errorf("%s: endpoints of tunnels must be IPv4 addresses", addr), list, i)
			}
		}
	}
	for i, addr := range c.Peers {
		if slices.Contains(c.Local, addr) {
			return scrub.At(fmt.Errorf("%s is both in peers and in local", addr), "peers", i)
		}
	}
	for i, p := range c.Protect {
		if p.Bits() == 0 {
			return scrub.At(fmt.Errorf("protect: %s covers all addresses", p), "protect", i)
		}
		for _, addr := range c.Local {
			if p.Contains(addr) {
				return scrub.At(fmt.Errorf("protect: %s contains %s, an endpoint of tunnels", p, addr), "protect", i)
			}
		}
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	if c.MTU < 1280+outerSize || c.MTU > 65535 {
		return scrub.At(fmt.Errorf("mtu is %d: want %d, so that IPv6 fits into the tunnel, to 65535", c.MTU, 1280+outerSize), "mtu")
	}
	if c.Egress == nil {
		c.Egress = slices.Clone(c.Interfaces)
	}
	return nil
}

// Clamped are the interfaces whose outgoing packets the agent changes.
func (c *Config) Clamped() []string {
	if c.NoClamp {
		return nil
	}
	return c.Egress
}

// clamps are the largest values of the MSS option that answers may have.
func (c *Config) clamps() agentConfig {
	if c.NoClamp {
		return agentConfig{}
	}
	return agentConfig{Mss4: uint16(c.MTU - outerSize - tcp4Size), Mss6: uint16(c.MTU - outerSize - tcp6Size)}
}

// families splits the protected prefixes by family.
func (c *Config) families() (v4, v6 []netip.Prefix) {
	for _, p := range c.Protect {
		if p.Addr().Is4() {
			v4 = append(v4, p.Prefix)
		} else {
			v6 = append(v6, p.Prefix)
		}
	}
	return v4, v6
}
