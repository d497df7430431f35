//go:build linux

package pinset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
)

// A Set is what is pinned of one dataplane.
type Set struct {
	handle  *os.File             // the directory
	dir     string               // it, by way of the handle
	mapsDir string               // the directory of the maps, within dir
	fresh   bool                 // Open created the maps
	links   map[string]link.Link // by pin; referenced, or the garbage collector would close them
}

// Open opens the maps that are pinned below dir, or creates and pins them, and
// loads the programs of spec into objects, a struct as bpf2go generates it. It
// attaches nothing.
func Open(dir string, spec *ebpf.CollectionSpec, objects any) (*Set, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("scrub: lifting the limit on locked memory: %w", err)
	}
	for name, m := range spec.Maps {
		if declared(name) {
			m.Pinning = ebpf.PinByName
		}
	}
	handle, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("scrub: opening the directory of pins: %w", err)
	}
	// By way of the handle, as only root may enter the directories above it.
	s := &Set{handle: handle, dir: fmt.Sprintf("/proc/self/fd/%d", handle.Fd()), links: make(map[string]link.Link)}
	s.mapsDir = MapsDir(s.dir, spec)
	s.fresh = os.Mkdir(s.mapsDir, 0o700) == nil
	err = spec.LoadAndAssign(objects, &ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: s.mapsDir}})
	if err == nil {
		return s, nil
	}
	if refusal, ok := errors.AsType[*ebpf.VerifierError](err); ok {
		err = hint.New(fmt.Errorf("scrub: the kernel rejects the program, most likely because it is too old: %w", refusal), "scrubd check")
	} else {
		err = fmt.Errorf("scrub: loading the program: %w", err)
	}
	return nil, errors.Join(err, s.Discard(), s.handle.Close())
}

// Discard removes the maps if Open created them.
func (s *Set) Discard() error {
	if !s.fresh {
		return nil
	}
	return os.RemoveAll(s.mapsDir)
}

// Close leaves everything pinned and attached.
func (s *Set) Close() (err error) {
	for _, l := range s.links {
		err = errors.Join(err, l.Close())
	}
	return errors.Join(err, s.handle.Close())
}

// prepare creates the directory of pins.
func prepare(dir string) error {
	var fs unix.Statfs_t
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		if err := unix.Statfs(parent, &fs); err == nil || parent == "/" {
			break
		}
	}
	if fs.Type != unix.BPF_FS_MAGIC {
		return hint.Errorf("mount -t bpf bpf "+BPFFS, "scrub: %s is not in a BPF file system", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("scrub: creating the directory of pins: %w", err)
	}
	return nil
}

// declared reports whether a map is one that a program declares. Those that the
// compiler adds, such as .rodata, belong to one load of the program.
func declared(name string) bool { return !strings.HasPrefix(name, ".") }

// MapsDir is the directory within dir of the maps of spec. Its name is a hash of
// their layout.
func MapsDir(dir string, spec *ebpf.CollectionSpec) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(spec.Maps)) {
		if m := spec.Maps[name]; declared(name) {
			fmt.Fprintln(sum, name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags)
		}
	}
	return filepath.Join(dir, fmt.Sprintf("%s%x", mapsPrefix, sum.Sum(nil)[:6]))
}

// A Hook is a place in the network stack where programs are attached. Names of
// pins begin with it.
type Hook string

// The hooks.
const (
	Ingress Hook = "link-" // XDP: before the stack of an interface
	Egress  Hook = "back-" // TCX: behind the stack, before the packet leaves
)

const mapsPrefix = "maps-"

// pinned lists the pins below dir whose names begin with prefix.
func pinned(dir, prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the pins: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// prune removes the maps of other releases, which no program uses any more.
func (s *Set) prune() error {
	dirs, err := pinned(s.dir, mapsPrefix)
	for _, dir := range dirs {
		if dir != s.mapsDir {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// Attached has the interfaces to which a program is attached at this hook, by index:
// the names that they have now. Another process may have detached it, and an
// interface may be gone or renamed.
func (s *Set) Attached(hook Hook) map[int]string {
	names := make(map[int]string)
	for pin, l := range s.links {
		if iface := interfaceOf(l); iface != nil && strings.HasPrefix(filepath.Base(pin), string(hook)) {
			names[iface.Index] = iface.Name
		}
	}
	return names
}

// Running lists the interfaces to which a program pinned below dir is attached
// at this hook, whether or not the process that attached it is alive.
func Running(dir string, hook Hook) (interfaces []string, err error) {
	err = eachLink(dir, hook, func(l link.Link) {
		if iface := interfaceOf(l); iface != nil && !slices.Contains(interfaces, iface.Name) {
			interfaces = append(interfaces, iface.Name)
		}
	})
	return interfaces, err
}

// Programs are the IDs of the programs that links pinned below dir have attached
// at this hook.
func Programs(dir string, hook Hook) (ids []uint32, err error) {
	err = eachLink(dir, hook, func(l link.Link) {
		if info, err := l.Info(); err == nil {
			ids = append(ids, uint32(info.Program))
		}
	})
	return ids, err
}

// eachLink calls a function with each link that is pinned below dir.
func eachLink(dir string, hook Hook, call func(link.Link)) error {
	pins, err := pinned(dir, string(hook))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, pin := range pins {
		l, err := link.LoadPinnedLink(pin, nil)
		if err != nil {
			return fmt.Errorf("scrub: opening %s: %w", pin, err)
		}
		call(l)
		if err := l.Close(); err != nil {
			return fmt.Errorf("scrub: closing %s: %w", pin, err)
		}
	}
	return nil
}

// interfaceOf returns the interface of a link, or nil if it is attached no more.
func interfaceOf(l link.Link) *net.Interface {
	info, err := l.Info()
	if err != nil {
		return nil
	}
	var index uint32
	if xdp := info.XDP(); xdp != nil {
		index = xdp.Ifindex
	} else if tcx := info.TCX(); tcx != nil {
		index = tcx.Ifindex
	}
	iface, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return nil
	}
	return iface
}
