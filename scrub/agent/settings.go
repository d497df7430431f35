package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/theriac-edge/theriac/scrub"
)

// Settings are the sysctls that an agent depends on. A packet that comes out of
// a tunnel has a source to which another route leads, so that a strict
// reverse-path filter would drop it; a loose one, or none, does not.
func (c *Config) Settings() (all []scrub.Setting) {
	for _, name := range c.Interfaces {
		own := "net/ipv4/conf/" + name + "/rp_filter"
		want := filter(own)
		if max(want, filter("net/ipv4/conf/all/rp_filter")) == strict {
			want = loose
		}
		all = append(all, scrub.Setting{
			Name: own, Want: strconv.Itoa(want),
			Why: "a packet that comes out of a tunnel has a source to which another route leads",
		})
	}
	return append(all, scrub.JIT)
}

// Modes of the reverse-path filter (RFC 3704). The higher of an interface's own
// value and that of "all" applies.
const (
	strict = 1
	loose  = 2
)

// filter reads a sysctl of the filter; one that cannot be read counts as loose.
func filter(name string) int {
	raw, err := os.ReadFile(filepath.Join("/proc/sys", name))
	if err != nil {
		return loose
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return loose
	}
	return n
}
