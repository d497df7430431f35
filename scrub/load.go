//go:build linux

package scrub

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/features"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// Scrubber is a dataplane: the program, its maps and where it is attached. Its
// methods are safe for concurrent use.
type Scrubber struct {
	objects kernelObjects

	clock clock

	mu       sync.Mutex
	pins     *pinset.Set
	policies []string           // names by number; empty: free
	tunnels  []Tunnel           // by number; the first is none
	handOn   *HandOn            // of the policy file in force; nil: none
	cpus     int                // that receive packets
	used     [2]map[uint32]bool // buckets of protected addresses, per bank; nil: not known
	deny     *list
	allow    *list
	bits     *bitmapFilter
}

// Features probes the running kernel for what the dataplane needs.
func Features() []features.Feature { return features.Needed(loadKernel) }

// Load opens the maps of a running dataplane below pins, a directory in a BPF
// file system, or creates them, and loads the program. It attaches nothing and
// changes nothing of what runs. pinset.Unload removes a dataplane.
func Load(pins string) (*Scrubber, error) {
	spec, err := loadKernel()
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the program: %w", err)
	}
	return load(pins, spec)
}

func load(pins string, spec *ebpf.CollectionSpec) (s *Scrubber, err error) {
	s = new(Scrubber)
	if s.pins, err = pinset.Open(pins, spec, &s.objects); err != nil {
		return nil, err
	}
	if err := s.restore(); err != nil {
		return nil, errors.Join(err, s.objects.Close(), s.pins.Discard())
	}
	return s, nil
}

// settings reads the one entry of the map.
func (s *Scrubber) settings() (c kernelConfig, err error) {
	if err = s.objects.Settings.Lookup(uint32(0), &c); err != nil {
		return c, fmt.Errorf("scrub: reading the settings: %w", err)
	}
	return c, nil
}

func (s *Scrubber) set(c kernelConfig) error {
	if err := s.objects.Settings.Put(uint32(0), c); err != nil {
		return fmt.Errorf("scrub: writing the settings: %w", err)
	}
	return nil
}

// restore reads the policies, tunnels and lists of a dataplane that runs already
// from its maps. A new one gets its secret.
func (s *Scrubber) restore() error {
	c, err := s.settings()
	if err != nil {
		return err
	}
	if s.clock, err = s.readClock(); err != nil {
		return err
	}
	if c.Key == [2]uint64{} {
		var secret [16]byte
		_, _ = rand.Read(secret[:]) // never fails
		c.Tick = uint32(s.clock.tick)
		c.Key = [2]uint64{binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:])}
		if err := s.set(c); err != nil {
			return err
		}
		if err := s.objects.Names.Put(uint32(0), nameOf(generalPolicy)); err != nil {
			return fmt.Errorf("scrub: naming the first policy: %w", err)
		}
	}
	s.policies = make([]string, maxPolicies)
	for i := range s.policies {
		var name kernelName
		if err := s.objects.Names.Lookup(uint32(i), &name); err != nil {
			return fmt.Errorf("scrub: reading the names of policies: %w", err)
		}
		s.policies[i] = textOf(name)
	}
	s.tunnels = make([]Tunnel, s.objects.Tunnels.MaxEntries())
	for i := range s.tunnels {
		var t kernelTunnel
		if err := s.objects.Tunnels.Lookup(uint32(i), &t); err != nil {
			return fmt.Errorf("scrub: reading the tunnels: %w", err)
		}
		s.tunnels[i] = tunnelOf(t)
	}
	return s.restoreLists()
}

func nameOf(text string) (n kernelName) {
	for i := range min(len(text), len(n.Text)-1) {
		n.Text[i] = int8(text[i])
	}
	return n
}

func textOf(n kernelName) string {
	var text []byte
	for _, c := range n.Text {
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	return string(text)
}

// Attach attaches the program to these interfaces, and detaches it from all
// others. Where an earlier program is attached, this one replaces it without a
// gap. If one interface fails, no interface is attached that was not before.
func (s *Scrubber) Attach(interfaces ...string) (done []pinset.Attachment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := s.pins.Begin()
	for _, name := range interfaces {
		a, err := change.XDP(name, s.objects.Scrub)
		if err != nil {
			return nil, errors.Join(err, change.Rollback())
		}
		done = append(done, a)
	}
	return done, change.Commit()
}

// AttachLater attaches the program to one more interface, also after privileges were
// dropped, see Own. It returns pinset.ErrUnloaded once the dataplane was unloaded.
func (s *Scrubber) AttachLater(name string) (a pinset.Attachment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change, err := s.pins.Later()
	if err != nil {
		return a, err
	}
	return change.XDP(name, s.objects.Scrub)
}

// Own lets a user attach the program to more interfaces, see pinset.Set.Own.
func (s *Scrubber) Own(uid, gid int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins.Own(uid, gid)
}

// Attached has the interfaces to which the program is attached now, by index, with
// the names that they have now. Another process may have detached it, and an
// interface may be gone or renamed.
func (s *Scrubber) Attached() map[int]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins.Attached(pinset.Ingress)
}

// Running lists the interfaces to which the dataplane below pins is attached,
// whether or not the process that attached it is alive.
func Running(pins string) (interfaces []string, err error) {
	return pinset.Running(pins, pinset.Ingress)
}

// Close leaves the dataplane running and pinned.
func (s *Scrubber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.pins.Close(), s.objects.Close())
}
