//go:build linux

package scrub

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Scrubber is a dataplane: the program, its maps and where it is attached. Its
// methods are safe for concurrent use.
type Scrubber struct {
	pins    string
	maps    string // the folder of the maps, within pins
	objects kernelObjects

	clock clock

	mu       sync.Mutex
	links    map[int]link.Link // by the interface's index; kept, or the collector would detach them
	policies []string          // names by number; empty: free
	tunnels  []Tunnel          // by number; the first is none
	deny     *list
	allow    *list
	bits     *listedBits
}

// bpffs is where pins live unless said otherwise.
const bpffs = "/sys/fs/bpf"

// DefaultPins is the folder of pins of a host's only scrubber.
const DefaultPins = bpffs + "/theriac"

// Load opens the maps of a running dataplane below pins, a folder in a BPF file
// system, or makes them, and loads the program. It attaches nothing and changes
// nothing of what runs.
func Load(pins string) (*Scrubber, error) {
	if err := preparePins(pins); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("scrub: lifting the limit on locked memory: %w", err)
	}
	spec, err := loadKernel()
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the program: %w", err)
	}
	s := &Scrubber{pins: pins, maps: filepath.Join(pins, "maps-"+layoutOf(spec)), links: make(map[int]link.Link)}
	fresh := os.Mkdir(s.maps, 0o700) == nil
	if err := s.load(spec); err != nil {
		if fresh {
			err = errors.Join(err, os.RemoveAll(s.maps))
		}
		return nil, err
	}
	if err := s.takeStock(); err != nil {
		_ = s.objects.Close()
		if fresh {
			err = errors.Join(err, os.RemoveAll(s.maps))
		}
		return nil, err
	}
	return s, nil
}

func (s *Scrubber) load(spec *ebpf.CollectionSpec) error {
	for name, m := range spec.Maps {
		if ours(name) {
			m.Pinning = ebpf.PinByName
		}
	}
	err := spec.LoadAndAssign(&s.objects, &ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: s.maps}})
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*ebpf.VerifierError](err); ok {
		return fmt.Errorf("scrub: the kernel refuses the program, most likely since it is too old (`scrubd check` says what it lacks): %w", refusal)
	}
	return fmt.Errorf("scrub: loading the program: %w", err)
}

// ours reports whether a map is one of scrub.c, not of the compiler.
func ours(name string) bool { return !strings.HasPrefix(name, ".") }

// preparePins makes the folder of pins.
func preparePins(pins string) error {
	var fs unix.Statfs_t
	for dir := filepath.Dir(pins); ; dir = filepath.Dir(dir) {
		if err := unix.Statfs(dir, &fs); err == nil || dir == "/" {
			break
		}
	}
	if fs.Type != unix.BPF_FS_MAGIC {
		return fmt.Errorf("scrub: %s is in no BPF file system\n  try: mount -t bpf bpf %s", pins, bpffs)
	}
	if err := os.MkdirAll(pins, 0o700); err != nil {
		return fmt.Errorf("scrub: making the folder of pins: %w", err)
	}
	return nil
}

// layoutOf names the maps as a release has them, so that another release with
// other maps takes over from this one and does not misread them.
func layoutOf(spec *ebpf.CollectionSpec) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(spec.Maps)) {
		if m := spec.Maps[name]; ours(name) {
			fmt.Fprintln(sum, name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:6])
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

// takeStock reads what stands in the maps: policies, tunnels and lists of a
// dataplane that runs already. A new one gets its secret.
func (s *Scrubber) takeStock() error {
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
	return s.readLists()
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

// Close leaves the dataplane running and pinned.
func (s *Scrubber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, l := range s.links {
		err = errors.Join(err, l.Close())
	}
	return errors.Join(err, s.objects.Close())
}
