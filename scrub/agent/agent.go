//go:build linux

package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// Agent is the data centre's end of tunnels: the programs, their maps and where
// they are attached. Its methods are safe for concurrent use.
type Agent struct {
	objects agentObjects

	mu   sync.Mutex
	pins *pinset.Set
}

// Load opens the maps of a running agent below pins, a directory in a BPF file
// system, or creates them, and loads the programs. It attaches nothing and
// changes nothing of what runs. pinset.Unload removes an agent.
func Load(pins string) (*Agent, error) {
	spec, err := loadAgent()
	if err != nil {
		return nil, fmt.Errorf("agent: reading the programs: %w", err)
	}
	a := new(Agent)
	if a.pins, err = pinset.Open(pins, spec, &a.objects); err != nil {
		return nil, err
	}
	return a, nil
}

// Features probes the running kernel for what an agent needs.
func Features() []features.Feature { return features.Needed(loadAgent) }

// Attach attaches the programs to the interfaces of a policy, and detaches them
// from all others. Where an earlier agent is attached, this one replaces it
// without a gap. If one interface fails, no interface is attached that was not
// before.
func (a *Agent) Attach(c *Config) (ingress, egress []pinset.Attachment, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change := a.pins.Begin()
	for _, name := range c.Interfaces {
		at, err := change.XDP(name, a.objects.TunnelIn)
		if err != nil {
			return nil, nil, errors.Join(err, change.Rollback())
		}
		ingress = append(ingress, at)
	}
	for _, name := range c.Clamped() {
		at, err := change.TCX(name, a.objects.TunnelBack)
		if err != nil {
			return nil, nil, errors.Join(err, change.Rollback())
		}
		egress = append(egress, at)
	}
	return ingress, egress, change.Commit()
}

// AttachLater attaches the program of a hook to one more interface, also after
// privileges were dropped, see Own. It returns pinset.ErrUnloaded once the agent was
// unloaded.
func (a *Agent) AttachLater(hook pinset.Hook, name string) (at pinset.Attachment, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change, err := a.pins.Later()
	if err != nil {
		return at, err
	}
	if hook == pinset.Egress {
		return change.TCX(name, a.objects.TunnelBack)
	}
	return change.XDP(name, a.objects.TunnelIn)
}

// Own lets a user attach the programs to more interfaces, see pinset.Set.Own.
func (a *Agent) Own(uid, gid int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pins.Own(uid, gid)
}

// Apply puts a policy in force, while packets go on.
func (a *Agent) Apply(c *Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.objects.Settings.Put(uint32(0), c.clamps()); err != nil {
		return fmt.Errorf("agent: writing the settings: %w", err)
	}
	v4, v6 := c.families()
	return errors.Join(
		prefixmap.Replace(a.objects.Protected4, v4), prefixmap.Replace(a.objects.Protected6, v6),
		prefixmap.Replace(a.objects.Locals, hosts(c.Local)), prefixmap.Replace(a.objects.Peers, hosts(c.Peers)),
	)
}

// hosts are addresses as prefixes.
func hosts(addrs []netip.Addr) (prefixes []netip.Prefix) {
	for _, addr := range addrs {
		prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return prefixes
}

// Attached has the interfaces to which the program of a hook is still attached, by
// index, with the names that they have now.
func (a *Agent) Attached(hook pinset.Hook) map[int]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pins.Attached(hook)
}

// Tally counts the packets that left an agent for one reason.
type Tally struct {
	Reason  Reason `json:"reason"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Tallies are all counts since the agent began, without those that are zero.
func (a *Agent) Tallies() ([]Tally, error) { return tallies(a.objects.Tallies) }

func tallies(m *ebpf.Map) (all []Tally, err error) {
	perCPU := make([]agentTally, ebpf.MustPossibleCPU())
	for r := range Reasons {
		if err := m.Lookup(uint32(r), &perCPU); err != nil {
			return nil, fmt.Errorf("agent: reading the counts: %w", err)
		}
		sum := Tally{Reason: Reason(r)}
		for _, t := range perCPU {
			sum.Packets += t.Packets
			sum.Bytes += t.Bytes
		}
		if sum.Packets > 0 {
			all = append(all, sum)
		}
	}
	return all, nil
}

// Close leaves the agent running and pinned.
func (a *Agent) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.pins.Close(), a.objects.Close())
}
