//go:build linux

package scrub

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// bpffs is where pins live unless said otherwise.
const bpffs = "/sys/fs/bpf"

// A board holds what is pinned of a dataplane: its maps, and the links of its
// programs.
type board struct {
	pins  string
	maps  string               // the folder of the maps, within pins
	fresh bool                 // the maps were not there before
	links map[string]link.Link // by pin; kept, or the collector would detach them
}

// openBoard opens the maps of a running dataplane below pins, or makes them, and
// loads its programs into objects.
func openBoard(pins string, spec *ebpf.CollectionSpec, objects any) (*board, error) {
	if err := preparePins(pins); err != nil {
		return nil, err
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("scrub: lifting the limit on locked memory: %w", err)
	}
	for name, m := range spec.Maps {
		if ours(name) {
			m.Pinning = ebpf.PinByName
		}
	}
	b := &board{pins: pins, maps: filepath.Join(pins, mapsPrefix+layoutOf(spec)), links: make(map[string]link.Link)}
	b.fresh = os.Mkdir(b.maps, 0o700) == nil
	err := spec.LoadAndAssign(objects, &ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: b.maps}})
	if err == nil {
		return b, nil
	}
	if refusal, ok := errors.AsType[*ebpf.VerifierError](err); ok {
		err = fmt.Errorf("scrub: the kernel refuses the program, most likely since it is too old (`scrubd check` says what it lacks): %w", refusal)
	} else {
		err = fmt.Errorf("scrub: loading the program: %w", err)
	}
	return nil, errors.Join(err, b.undo())
}

// undo removes the maps if they were not there before.
func (b *board) undo() error {
	if !b.fresh {
		return nil
	}
	return os.RemoveAll(b.maps)
}

// ours reports whether a map is one of a program, not of the compiler.
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

// What the names of pins begin with.
const (
	linkPrefix = "link-"
	backPrefix = "back-"
	mapsPrefix = "maps-"
)

// pinned lists the pins that begin so.
func pinned(pins, prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(pins)
	if err != nil {
		return nil, fmt.Errorf("scrub: reading the pins: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			paths = append(paths, filepath.Join(pins, e.Name()))
		}
	}
	return paths, nil
}

// prune removes the maps of other releases, which no program uses any more.
func (b *board) prune() error {
	folders, err := pinned(b.pins, mapsPrefix)
	for _, folder := range folders {
		if folder != b.maps {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	return err
}

// attached lists the interfaces that a program with pins of this kind still is
// attached to.
func (b *board) attached(prefix string) (interfaces []string) {
	for pin, l := range b.links {
		if name, ok := lives(l); ok && strings.HasPrefix(filepath.Base(pin), prefix) {
			interfaces = append(interfaces, name)
		}
	}
	slices.Sort(interfaces)
	return interfaces
}

// close leaves everything pinned and attached.
func (b *board) close() (err error) {
	for _, l := range b.links {
		err = errors.Join(err, l.Close())
	}
	return err
}
