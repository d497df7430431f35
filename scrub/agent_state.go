//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
)

// AgentState is how an agent is, whether or not its process lives.
type AgentState struct {
	Interfaces []string       `json:"interfaces"` // that it looks at, and for what leaves
	Egress     []string       `json:"egress"`
	Local      []netip.Prefix `json:"local"`
	Peers      []netip.Prefix `json:"peers"`
	Protect    []netip.Prefix `json:"protect"`
	MSS4       uint16         `json:"mss4"` // the most that answers may ask for; 0: they are left alone
	MSS6       uint16         `json:"mss6"`
	Tallies    []AgentTally   `json:"tallies"`
}

// ErrNoAgent says that no agent runs there.
var ErrNoAgent = errors.New("no agent of this release runs here")

// StateOfAgent reads how the agent below pins is.
func StateOfAgent(pins string) (s AgentState, err error) {
	spec, err := loadAgent()
	if err != nil {
		return s, fmt.Errorf("scrub: reading the programs: %w", err)
	}
	var objects agentMaps
	places := map[string]**ebpf.Map{
		"settings": &objects.Settings, "tallies": &objects.Tallies, "locals": &objects.Locals, "peers": &objects.Peers,
		"protected4": &objects.Protected4, "protected6": &objects.Protected6,
	}
	folder := filepath.Join(pins, mapsPrefix+layoutOf(spec))
	for name, place := range places {
		m, err := ebpf.LoadPinnedMap(filepath.Join(folder, name), &ebpf.LoadPinOptions{ReadOnly: true})
		if errors.Is(err, os.ErrNotExist) {
			return s, fmt.Errorf("scrub: looking into %s: %w", pins, ErrNoAgent)
		}
		if err != nil {
			return s, fmt.Errorf("scrub: opening the agent's maps: %w", err)
		}
		defer m.Close()
		*place = m
	}
	var c agentConfig
	if err := objects.Settings.Lookup(uint32(0), &c); err != nil {
		return s, fmt.Errorf("scrub: reading the settings: %w", err)
	}
	s.MSS4, s.MSS6 = c.Mss4, c.Mss6
	if s.Tallies, err = agentTallies(objects.Tallies); err != nil {
		return s, err
	}
	for _, set := range []struct {
		into *[]netip.Prefix
		from *ebpf.Map
	}{{&s.Local, objects.Locals}, {&s.Peers, objects.Peers}, {&s.Protect, objects.Protected4}, {&s.Protect, objects.Protected6}} {
		prefixes, err := keysOf(set.from)
		if err != nil {
			return s, err
		}
		*set.into = append(*set.into, prefixes...)
	}
	for _, set := range [][]netip.Prefix{s.Local, s.Peers, s.Protect} {
		slices.SortFunc(set, netip.Prefix.Compare)
	}
	in, err := running(pins, linkPrefix)
	if err != nil {
		return s, err
	}
	back, err := running(pins, backPrefix)
	s.Interfaces, s.Egress = in, back
	return s, err
}
