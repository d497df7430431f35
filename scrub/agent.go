//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/cilium/ebpf"
)

// Agent is the data centre's end of tunnels: the programs, their maps and where
// they are attached. Its methods are safe for concurrent use.
type Agent struct {
	objects agentObjects

	mu    sync.Mutex
	board *board
}

// DefaultAgentPins is the folder of pins of a host's only agent.
const DefaultAgentPins = bpffs + "/theriac-agent"

// LoadAgent opens the maps of a running agent below pins, a folder in a BPF file
// system, or makes them, and loads the programs. It attaches nothing and changes
// nothing of what runs. Unload takes an agent off, too.
func LoadAgent(pins string) (*Agent, error) {
	spec, err := loadAgent()
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the programs: %w", err)
	}
	a := new(Agent)
	if a.board, err = openBoard(pins, spec, &a.objects); err != nil {
		return nil, err
	}
	return a, nil
}

// Attach has the agent look at what comes in by the interfaces of a policy and
// at what leaves by its others, and at no more. Where an earlier one does, this
// one takes its place without a gap. If one cannot be attached, none is that was
// not before.
func (a *Agent) Attach(c *AgentConfig) (done []Attachment, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	round := a.board.round()
	for _, name := range c.Interfaces {
		at, err := round.xdp(name, a.objects.TunnelIn)
		if err != nil {
			return nil, errors.Join(err, round.undo())
		}
		done = append(done, at)
	}
	if c.NoClamp {
		return done, round.finish()
	}
	for _, name := range c.Egress {
		if err := round.tcx(name, a.objects.TunnelBack); err != nil {
			return nil, errors.Join(err, round.undo())
		}
	}
	return done, round.finish()
}

// Apply puts a policy in force, while packets go on.
func (a *Agent) Apply(c *AgentConfig) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.objects.Settings.Put(uint32(0), c.clamps()); err != nil {
		return fmt.Errorf("scrub: writing the settings: %w", err)
	}
	v4, v6 := c.families()
	return errors.Join(
		fill(a.objects.Protected4, v4), fill(a.objects.Protected6, v6),
		fill(a.objects.Locals, hosts(c.Local)), fill(a.objects.Peers, hosts(c.Peers)),
	)
}

// hosts are addresses as prefixes.
func hosts(addrs []netip.Addr) (prefixes []netip.Prefix) {
	for _, addr := range addrs {
		prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return prefixes
}

// Attached lists the interfaces that the agent still looks at.
func (a *Agent) Attached() (in, back []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.board.attached(linkPrefix), a.board.attached(backPrefix)
}

// AgentTally counts the packets that left an agent for one reason.
type AgentTally struct {
	Reason  AgentReason `json:"reason"`
	Packets uint64      `json:"packets"`
	Bytes   uint64      `json:"bytes"`
}

// Tallies are all counts since the agent began, those that are zero left out.
func (a *Agent) Tallies() ([]AgentTally, error) { return agentTallies(a.objects.Tallies) }

func agentTallies(m *ebpf.Map) (all []AgentTally, err error) {
	perCPU := make([]agentTally, ebpf.MustPossibleCPU())
	for r := range AgentReasons {
		if err := m.Lookup(uint32(r), &perCPU); err != nil {
			return nil, fmt.Errorf("scrub: reading the counts: %w", err)
		}
		sum := AgentTally{Reason: AgentReason(r)}
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
	return errors.Join(a.board.close(), a.objects.Close())
}
