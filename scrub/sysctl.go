package scrub

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Setting is a sysctl that the dataplane depends on.
type Setting struct {
	Name string `json:"name"` // below /proc/sys
	Want string `json:"want"`
	Why  string `json:"why"`
}

// JIT is the sysctl that every BPF program depends on.
var JIT = Setting{"net/core/bpf_jit_enable", "1", "programs that are interpreted cost ten times as much"}

// Settings are the sysctls that the dataplane depends on, beside those of
// tunnels.
var Settings = []Setting{
	{"net/ipv4/tcp_syncookies", "2", "the host's stack accepts the SYN cookies of the program only if it always sends some itself"},
	{"net/ipv4/tcp_timestamps", "2", "SYN cookies carry window scaling and SACK in timestamps without a random offset; with 1 such connections are refused"},
	JIT,
}

// Settings are the sysctls that a policy file depends on. With a tunnel, the kernel
// answers a program's route look-up only on interfaces with forwarding.
func (c *Config) Settings() []Setting {
	all := slices.Clone(Settings)
	if c.HandOn == nil && !slices.ContainsFunc(c.Policies, func(p Policy) bool { return p.Tunnel != nil }) {
		return all
	}
	for _, name := range c.Interfaces {
		all = append(all, Setting{"net/ipv4/conf/" + name + "/forwarding", "1", "without it the program cannot look up the route of a tunnel"})
	}
	return all
}

// Tunnels are the tunnels of all policies, without duplicates.
func (c *Config) Tunnels() (all []Tunnel) {
	for _, p := range c.Policies {
		if p.Tunnel != nil && !slices.Contains(all, *p.Tunnel) {
			all = append(all, *p.Tunnel)
		}
	}
	return all
}

// sysctl reads the fields of a setting.
func sysctl(name string) ([]string, error) {
	raw, err := os.ReadFile(filepath.Join("/proc/sys", name))
	if err != nil {
		return nil, fmt.Errorf("scrub: reading a sysctl: %w", err)
	}
	return strings.Fields(string(raw)), nil
}

// windowScale is the window scale that the host's own stack would offer, which a SYN
// cookie must offer as well: as in tcp_select_initial_window of Linux. A socket with
// a buffer size of its own does not change it.
func windowScale() uint8 {
	space := 0
	if fields, err := sysctl("net/ipv4/tcp_rmem"); err == nil && len(fields) == 3 {
		space, _ = strconv.Atoi(fields[2])
	}
	if fields, err := sysctl("net/core/rmem_max"); err == nil && len(fields) == 1 {
		most, _ := strconv.Atoi(fields[0])
		space = max(space, most)
	}
	return uint8(min(14, max(0, bits.Len(uint(space))-1-15)))
}
