//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
)

const (
	defaultConfig = "/etc/theriac/scrubd.yaml"
	defaultSocket = "/run/scrubd/scrubd.sock"
)

// file is what stands in the policy file: the policies, which a reload puts in
// force, and what scrubd itself needs, which a restart does.
type file struct {
	scrub.Config `yaml:",inline"`

	Daemon settings `yaml:"daemon"`
}

// settings are those of scrubd itself.
type settings struct {
	// Where scrubd listens, in a folder of its own. Default:
	// /run/scrubd/scrubd.sock.
	Socket string `yaml:"socket"`

	// The group that may connect. Default: that of the user.
	Group string `yaml:"group"`

	// Who may pass verdicts (edges) and do everything else (admins): users, or
	// groups as @name. Root and scrubd's own user may do everything.
	Edges  []string `yaml:"edges"`
	Admins []string `yaml:"admins"`

	// The user to become once everything is attached. Default: stay who it is,
	// without privileges.
	User string `yaml:"user"`

	// A loopback address for metrics besides the socket, such as
	// 127.0.0.1:9180. Default: none.
	Metrics string `yaml:"metrics"`

	// Whether to set the sysctls that the dataplane depends on, or only to check
	// them. Default: set.
	Sysctls sysctlMode `yaml:"sysctls"`

	// A folder in a BPF file system that keeps what is loaded. Default:
	// /sys/fs/bpf/theriac.
	Pins string `yaml:"pins"`

	// What edges may do.
	Bans caps `yaml:"bans"`
}

// caps bound what edges may do.
type caps struct {
	// New verdicts by shop. Default: 600/m.
	PerShop shop.Rate `yaml:"per_shop"`

	// Verdicts at a time, of all edges together. Default: 65536.
	MaxEntries int `yaml:"max_entries"`

	// How long a verdict holds at the most. Default: 1h.
	MaxTTL time.Duration `yaml:"max_ttl"`

	// Sources that no edge can have dropped, besides this host's own addresses,
	// the protected ones and the allow list. Default: private addresses, as
	// management comes from there.
	NeverDeny []scrub.Prefix `yaml:"never_deny"`
}

// privateNets are sources that edges have no business with, unless the file
// says otherwise: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 and loopback.
var privateNets = []string{
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
	"fc00::/7", "fe80::/10", "::1/128",
}

// readFile reads the policy file and refuses what cannot work, naming file and
// line.
func readFile(path string) (*file, error) { return readPolicy(path, parseFile) }

func parseFile(raw []byte) (*file, error) {
	f := new(file)
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := f.Config.Validate(); err != nil {
		return nil, err
	}
	if err := f.Daemon.fill(); err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	if len(f.Interfaces) == 0 {
		return nil, errors.New("interfaces is missing: which ones lead to the internet?")
	}
	return f, nil
}

// fill sets the defaults and refuses what cannot work.
func (s *settings) fill() error {
	if s.Socket == "" {
		s.Socket = defaultSocket
	}
	if s.Pins == "" {
		s.Pins = scrub.DefaultPins
	}
	if s.Bans.PerShop == (shop.Rate{}) {
		s.Bans.PerShop = shop.Rate{Events: 600, Per: time.Minute}
	}
	if s.Bans.MaxEntries == 0 {
		s.Bans.MaxEntries = 65536
	}
	if s.Bans.MaxTTL == 0 {
		s.Bans.MaxTTL = time.Hour
	}
	if s.Bans.NeverDeny == nil {
		for _, p := range privateNets {
			s.Bans.NeverDeny = append(s.Bans.NeverDeny, scrub.Prefix{Prefix: netip.MustParsePrefix(p)})
		}
	}
	for name, path := range map[string]string{"socket": s.Socket, "pins": s.Pins} {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%s is %q; write the whole path", name, path)
		}
	}
	if n := s.Bans.MaxEntries; n < 1 || n > 100_000 {
		return fmt.Errorf("max_entries is %d; it may be 1 to 100000", n)
	}
	if l := s.Bans.MaxTTL; l < time.Second || l > 24*time.Hour {
		return fmt.Errorf("max_ttl is %s; it may be 1s to 24h", l)
	}
	return loopback(s.Metrics)
}

// loopback refuses an address for metrics that others could reach.
func loopback(metrics string) error {
	if metrics == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(metrics)
	if addr, bad := netip.ParseAddr(host); err != nil || bad != nil || !addr.IsLoopback() {
		return fmt.Errorf("metrics is %q; it must be a loopback address with a port, such as 127.0.0.1:9180", metrics)
	}
	return nil
}
