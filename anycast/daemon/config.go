package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/anycast/control"
	"github.com/theriac-edge/theriac/anycast/speaker"
	"github.com/theriac-edge/theriac/hint/yamlline"
)

// DefaultPath is where the configuration is unless another path is given.
const DefaultPath = "/etc/theriac/anycastd.yaml"

const (
	maxConfig = 1 << 20
	maxEdges  = 16 // so that a beat, which has the wishes of all, fits into a datagram
	maxName   = 32 // of an edge, for the same reason
)

// Config is the configuration of anycastd.
type Config struct {
	// The name of this edge, one of edges.
	Edge string `yaml:"edge"`

	// All edges of the tier: where anycastd listens for beats (UDP), by name.
	Edges map[string]netip.AddrPort `yaml:"edges"`

	// How many edges must stay announced. Default: half of them, at least 1.
	Keep int `yaml:"keep"`

	// A file with at least 32 random bytes, the same at every edge.
	Secret string `yaml:"secret"`

	// Where operators ask. Default: control.DefaultSocket.
	Socket string `yaml:"socket"`

	// What the tier announces.
	Prefixes []netip.Prefix `yaml:"prefixes"`

	Health Health `yaml:"health"`

	// What this edge's link can take, in bits per second. Default: not known, so that no
	// other edge counts on it.
	Capacity float64 `yaml:"capacity"`

	// One of the two tells the routers.
	BGP  *BGP  `yaml:"bgp"`
	Bird *Bird `yaml:"bird"`
}

// Health says what is checked each second.
type Health struct {
	Addresses []netip.AddrPort `yaml:"addresses"` // of the tier, each asked by TLS
	Host      string           `yaml:"host"`      // the name that is asked for
	Path      string           `yaml:"path"`      // that of shop_health
	Link      string           `yaml:"link"`      // an interface that must be up; default: none
	Scrubd    string           `yaml:"scrubd"`    // the socket of a scrubd that must be attached; default: none
}

// BGP has anycastd speak itself.
type BGP struct {
	ASN      uint32       `yaml:"asn"`
	RouterID netip.Addr   `yaml:"router_id"`
	NextHops []netip.Addr `yaml:"next_hops"` // this edge's, one of each family
	Peers    []Peer       `yaml:"peers"`
}

// Peer is a router.
type Peer struct {
	Address     netip.Addr `yaml:"address"`
	ASN         uint32     `yaml:"asn"`
	Password    string     `yaml:"password_file"` // of TCP MD5; default: none
	TTLSecurity bool       `yaml:"ttl_security"`
	Multihop    uint8      `yaml:"multihop"`
	FlowSpec    bool       `yaml:"flowspec"`
}

// Bird has a BIRD beside anycastd speak.
type Bird struct {
	Socket string `yaml:"socket"` // default: speaker.DefaultBirdSocket
}

// Read reads the configuration, and rejects what cannot work, naming file and line.
func Read(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse reads the content of a configuration.
func Parse(raw []byte) (*Config, error) {
	c := new(Config)
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		var all []string
		for _, fault := range yamlline.Faults(err) {
			text := strings.ReplaceAll(fault.Text, "not found in type daemon.", "is not an option of ")
			if fault.Line > 0 {
				text = fmt.Sprintf("line %d: %s", fault.Line, text)
			}
			all = append(all, text)
		}
		return nil, errors.New(strings.Join(all, "; "))
	}
	if c.Socket == "" {
		c.Socket = control.DefaultSocket
	}
	if c.Bird != nil && c.Bird.Socket == "" {
		c.Bird.Socket = speaker.DefaultBirdSocket
	}
	tier := c.tier()
	if err := tier.Validate(); err != nil {
		return nil, err
	}
	c.Keep = tier.Keep
	return c, errors.Join(c.check(), c.Health.check(), c.BGP.check())
}

func (c *Config) tier() anycast.Tier {
	return anycast.Tier{Edge: c.Edge, Edges: slices.Sorted(maps.Keys(c.Edges)), Keep: c.Keep}
}

func (c *Config) check() error {
	switch {
	case len(c.Edges) > maxEdges:
		return fmt.Errorf("edges: %d, and %d are the most", len(c.Edges), maxEdges)
	case !filepath.IsAbs(c.Secret):
		return errors.New("secret: want the absolute path of a file")
	case !filepath.IsAbs(c.Socket):
		return errors.New("socket: want an absolute path")
	case c.Capacity < 0:
		return errors.New("capacity: below zero")
	case len(c.Prefixes) == 0:
		return errors.New("prefixes: nothing to announce")
	case (c.BGP == nil) == (c.Bird == nil):
		return errors.New("want one of bgp and bird")
	}
	for i, p := range c.Prefixes {
		if p != p.Masked() {
			return fmt.Errorf("prefixes: %v has bits below its length, want %v", p, p.Masked())
		}
		if slices.Contains(c.Prefixes[:i], p) {
			return fmt.Errorf("prefixes: duplicate %v", p)
		}
	}
	for name, addr := range c.Edges {
		if name == "" || len(name) > maxName {
			return fmt.Errorf("edges: %q: want a name of at most %d bytes", name, maxName)
		}
		if !addr.IsValid() || addr.Port() == 0 {
			return fmt.Errorf("edges: %s: want an address and a port", name)
		}
	}
	return nil
}

func (h Health) check() error {
	switch {
	case len(h.Addresses) == 0:
		return errors.New("health: addresses: want those of the tier, each with its port")
	case h.Host == "":
		return errors.New("health: host: want the name of a site of the edge")
	case !strings.HasPrefix(h.Path, "/"):
		return errors.New("health: path: want one that begins with a slash")
	}
	return nil
}

func (b *BGP) check() error {
	switch {
	case b == nil:
		return nil
	case b.ASN == 0:
		return errors.New("bgp: asn: missing")
	case !b.RouterID.Is4():
		return errors.New("bgp: router_id: want an IPv4 address")
	case len(b.NextHops) == 0:
		return errors.New("bgp: next_hops: want an address of this edge for each family")
	case len(b.Peers) == 0:
		return errors.New("bgp: peers: want at least one router to announce to")
	}
	for _, p := range b.Peers {
		switch {
		case !p.Address.IsValid() || p.ASN == 0:
			return errors.New("bgp: peers: want address and asn of each")
		case p.TTLSecurity && p.Multihop > 0:
			return fmt.Errorf("bgp: peers: %v has ttl_security and multihop, which contradict", p.Address)
		}
	}
	return nil
}

// addresses are the single ones among the prefixes: what can be attacked and named.
func (c *Config) addresses() (all []netip.Addr) {
	for _, p := range c.Prefixes {
		if p.IsSingleIP() {
			all = append(all, p.Addr())
		}
	}
	return all
}
