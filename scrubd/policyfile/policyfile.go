package policyfile

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
)

// Where the scrubber's policy file and its socket are unless another path is given.
const (
	DefaultPath   = "/etc/theriac/scrubd.yaml"
	DefaultSocket = "/run/scrubd/scrubd.sock"
)

// File is the scrubber's policy file: the policies, which a reload puts in force,
// and the settings of scrubd itself, which need a restart.
type File struct {
	scrub.Config `yaml:",inline"`

	Daemon Settings `yaml:"daemon"`
}

// Settings are those of scrubd itself.
type Settings struct {
	// Where scrubd listens, in a directory of its own. Default: DefaultSocket.
	Socket string `yaml:"socket"`

	// The group that may connect. Default: that of the user.
	Group string `yaml:"group"`

	// The users, or groups as @name, that may push bans (edges) and that may do
	// everything (admins). Root and scrubd's own user may do everything.
	Edges  []string `yaml:"edges"`
	Admins []string `yaml:"admins"`

	// The user to switch to once everything is attached. Default: do not switch,
	// but drop all privileges.
	User string `yaml:"user"`

	// A loopback address for metrics besides the socket, such as
	// 127.0.0.1:9180. Default: none.
	Metrics string `yaml:"metrics"`

	// Whether to set the sysctls that the dataplane depends on, or only to check
	// them. Default: set.
	Sysctls SysctlMode `yaml:"sysctls"`

	// A directory in a BPF file system that keeps what is loaded. Default:
	// scrub.DefaultPins.
	Pins string `yaml:"pins"`

	// What edges may do.
	Bans Bans `yaml:"bans"`
}

// Bans bound the bans that edges push.
type Bans struct {
	// New bans per shop. Default: 600/m.
	PerShop shop.Rate `yaml:"per_shop"`

	// Bans at a time, of all edges together. Default: 65536.
	MaxEntries int `yaml:"max_entries"`

	// How long a ban lasts at most. Default: 1h.
	MaxTTL time.Duration `yaml:"max_ttl"`

	// Sources that no edge can have dropped, besides this host's own addresses,
	// the protected ones and the allow list. Default: private addresses, because
	// management connects from there.
	NeverDeny []scrub.Prefix `yaml:"never_deny"`
}

// privatePrefixes are sources that no edge has a reason to ban, unless the file
// says otherwise: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 and loopback.
var privatePrefixes = []string{
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
	"fc00::/7", "fe80::/10", "::1/128",
}

// Read reads the scrubber's policy file and rejects what cannot work, naming file
// and line.
func Read(path string) (*File, error) { return read(path, Parse) }

// Parse reads the content of a scrubber's policy file. What is wrong in it is of
// type Errors.
func Parse(raw []byte) (*File, error) {
	f := new(File)
	if err := decode(raw, f, f.validate); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) validate() error {
	if err := f.Config.Validate(); err != nil {
		return err
	}
	if err := f.Daemon.fill(); err != nil {
		return scrub.At(fmt.Errorf("daemon: %w", err), "daemon")
	}
	if len(f.Interfaces) == 0 {
		return errors.New("interfaces is missing: which ones lead to the internet?")
	}
	return nil
}

// fill sets the defaults and rejects what cannot work.
func (s *Settings) fill() error {
	if s.Socket == "" {
		s.Socket = DefaultSocket
	}
	if s.Pins == "" {
		s.Pins = scrub.DefaultPins
	}
	if err := cmp.Or(absolute("socket", s.Socket), absolute("pins", s.Pins), loopback(s.Metrics)); err != nil {
		return err
	}
	if err := s.Bans.fill(); err != nil {
		return scrub.At(fmt.Errorf("bans: %w", err), "bans")
	}
	return nil
}

func (b *Bans) fill() error {
	if b.PerShop == (shop.Rate{}) {
		b.PerShop = shop.Rate{Events: 600, Per: time.Minute}
	}
	if b.MaxEntries == 0 {
		b.MaxEntries = 65536
	}
	if b.MaxTTL == 0 {
		b.MaxTTL = time.Hour
	}
	if b.NeverDeny == nil {
		for _, p := range privatePrefixes {
			b.NeverDeny = append(b.NeverDeny, scrub.Prefix{Prefix: netip.MustParsePrefix(p)})
		}
	}
	if n := b.MaxEntries; n < 1 || n > 100_000 {
		return scrub.At(fmt.Errorf("max_entries is %d: want 1 to 100000", n), "max_entries")
	}
	if ttl := b.MaxTTL; ttl < time.Second || ttl > 24*time.Hour {
		return scrub.At(fmt.Errorf("max_ttl is %s: want 1s to 24h", ttl), "max_ttl")
	}
	return nil
}

// absolute rejects a relative path.
func absolute(key, path string) error {
	if filepath.IsAbs(path) {
		return nil
	}
	return scrub.At(fmt.Errorf("%s is %q: want an absolute path", key, path), key)
}

// loopback rejects an address for metrics that other hosts could reach.
func loopback(metrics string) error {
	if metrics == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(metrics)
	if addr, bad := netip.ParseAddr(host); err != nil || bad != nil || !addr.IsLoopback() {
		return scrub.At(fmt.Errorf("metrics is %q: want a loopback address with a port, such as 127.0.0.1:9180", metrics), "metrics")
	}
	return nil
}
