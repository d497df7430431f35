//go:build linux

package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// State is the state of an agent, whether or not its process is alive.
type State struct {
	Interfaces []string       `json:"interfaces"` // to whose ingress it is attached
	Egress     []string       `json:"egress"`     // to whose egress it is attached
	Local      []netip.Prefix `json:"local"`
	Peers      []netip.Prefix `json:"peers"`
	Protect    []netip.Prefix `json:"protect"`
	MSS4       uint16         `json:"mss4"` // the largest MSS that answers may have; 0: it is not clamped
	MSS6       uint16         `json:"mss6"`
	Tallies    []Tally        `json:"tallies"`
}

// ErrNotRunning is returned where no agent of this release runs.
var ErrNotRunning = errors.New("no agent of this release runs here")

// ReadState reads the state of the agent whose pins are below pins.
func ReadState(pins string) (s State, err error) {
	spec, err := loadAgent()
	if err != nil {
		return s, fmt.Errorf("agent: reading the programs: %w", err)
	}
	var objects agentMaps
	pinned := map[string]**ebpf.Map{
		"settings": &objects.Settings, "tallies": &objects.Tallies, "locals": &objects.Locals, "peers": &objects.Peers,
		"protected4": &objects.Protected4, "protected6": &objects.Protected6,
	}
	dir := pinset.MapsDir(pins, spec)
	for name, into := range pinned {
		m, err := ebpf.LoadPinnedMap(filepath.Join(dir, name), &ebpf.LoadPinOptions{ReadOnly: true})
		if errors.Is(err, os.ErrNotExist) {
			return s, fmt.Errorf("agent: looking into %s: %w", pins, ErrNotRunning)
		}
		if err != nil {
			return s, fmt.Errorf("agent: opening the agent's maps: %w", err)
		}
		defer m.Close()
		*into = m
	}
	var c agentConfig
	if err := objects.Settings.Lookup(uint32(0), &c); err != nil {
		return s, fmt.Errorf("agent: reading the settings: %w", err)
	}
	s.MSS4, s.MSS6 = c.Mss4, c.Mss6
	if s.Tallies, err = tallies(objects.Tallies); err != nil {
		return s, err
	}
	for _, set := range []struct {
		into *[]netip.Prefix
		from *ebpf.Map
	}{{&s.Local, objects.Locals}, {&s.Peers, objects.Peers}, {&s.Protect, objects.Protected4}, {&s.Protect, objects.Protected6}} {
		prefixes, err := prefixmap.List(set.from)
		if err != nil {
			return s, err
		}
		*set.into = append(*set.into, prefixes...)
	}
	for _, set := range [][]netip.Prefix{s.Local, s.Peers, s.Protect} {
		slices.SortFunc(set, netip.Prefix.Compare)
	}
	ingress, err := pinset.Running(pins, pinset.Ingress)
	if err != nil {
		return s, err
	}
	egress, err := pinset.Running(pins, pinset.Egress)
	s.Interfaces, s.Egress = ingress, egress
	return s, err
}
