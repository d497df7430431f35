package pinset

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/test/need"
)

// collection is a program that passes every packet, and a map of this size.
func collection(entries uint32) *ebpf.CollectionSpec {
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{"counts": {Name: "counts", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: entries}},
		Programs: map[string]*ebpf.ProgramSpec{"pass": {
			Name: "pass", Type: ebpf.XDP, License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()},
		}},
	}
}

type objects struct {
	Pass   *ebpf.Program `ebpf:"pass"`
	Counts *ebpf.Map     `ebpf:"counts"`
}

func (o *objects) close() {
	o.Pass.Close()
	o.Counts.Close()
}

func opened(t *testing.T, dir string, entries uint32) (*Set, *objects) {
	t.Helper()
	o := new(objects)
	s, err := Open(dir, collection(entries), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.close()
		_ = s.Close() // some tests have closed it
	})
	return s, o
}

// TestMapsOutliveTheirProcess: the next process finds what is in the maps, and one
// of a release with other maps has its own.
func TestMapsOutliveTheirProcess(t *testing.T) {
	dir := need.BPFFS(t)
	first, o := opened(t, dir, 4)
	if err := o.Counts.Put(uint32(1), uint64(4711)); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for entries, want := range map[uint32]uint64{4: 4711, 5: 0} {
		s, o := opened(t, dir, entries)
		var got uint64
		if err := o.Counts.Lookup(uint32(1), &got); err != nil || got != want {
			t.Errorf("a map of %d entries holds %d, %v, want %d", entries, got, err, want)
		}
		if err := s.Discard(); err != nil {
			t.Error(err)
		}
		_, err := os.Stat(MapsDir(dir, collection(entries)))
		if stays := err == nil; stays != (entries == 4) {
			t.Errorf("after Discard the maps of %d entries are there: %t", entries, stays)
		}
	}
}

// TestChange attaches to the loopback interface of a network namespace of its own:
// what a change does not name is detached, and Rollback undoes it.
func TestChange(t *testing.T) {
	need.BPF(t)
	runtime.LockOSThread() // for good: the thread ends with the test, and its namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	dir := need.BPFFS(t)
	s, o := opened(t, dir, 4)
	running := func(want ...string) {
		t.Helper()
		got, err := Running(dir, Ingress)
		if err != nil || !slices.Equal(got, want) || !slices.Equal(slices.Collect(maps.Values(s.Attached(Ingress))), want) {
			t.Errorf("attached to %v, %v, and as the set has it to %v, want %v", got, err, s.Attached(Ingress), want)
		}
	}
	c := s.Begin()
	if _, err := c.XDP("lo", o.Pass); err != nil {
		t.Fatal(err)
	}
	running("lo")
	if _, err := c.XDP("no-such-one", o.Pass); err == nil || !strings.Contains(err.Error(), "finding the interface no-such-one") {
		t.Errorf("an interface that does not exist: %v", err)
	}
	if err := c.Rollback(); err != nil {
		t.Fatal(err)
	}
	running()
	c = s.Begin()
	if _, err := c.XDP("lo", o.Pass); err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(); err != nil {
		t.Fatal(err)
	}
	running("lo")
	again := s.Begin()
	if _, err := again.XDP("lo", o.Pass); err != nil {
		t.Fatal(err)
	}
	if err := again.Rollback(); err != nil {
		t.Fatal(err)
	}
	running("lo") // it was attached before that change
	if err := s.Begin().Commit(); err != nil {
		t.Fatal(err)
	}
	running()
	if err := Unload(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("after Unload the directory is there")
	}
}

// TestOnlyEthernet: neither hook takes an interface whose packets have no Ethernet
// header.
func TestOnlyEthernet(t *testing.T) {
	need.BPF(t)
	runtime.LockOSThread() // for good: the thread ends with the test, and its namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	tun(t, "tun0", unix.IFF_TUN)
	tun(t, "tap0", unix.IFF_TAP)
	s, o := opened(t, need.BPFFS(t), 4)
	c := s.Begin()
	_, err := c.XDP("tun0", o.Pass)
	_, egress := c.TCX("tun0", o.Pass)
	for hook, err := range map[string]error{"XDP": err, "TCX": egress} {
		if err == nil || !strings.Contains(err.Error(), "tun0 have no Ethernet header") || hint.Of(err) == "" {
			t.Errorf("%s at a tun device: %v", hook, err)
		}
	}
	if _, err := c.XDP("tap0", o.Pass); err != nil {
		t.Errorf("a tap device, which is Ethernet: %v", err)
	}
	if err := c.Rollback(); err != nil {
		t.Error(err)
	}
}

// tun makes a tun or tap device, which goes with the test or when gone is called.
func tun(t *testing.T, name string, kind uint16) (gone func()) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone = sync.OnceFunc(func() { unix.Close(fd) })
	t.Cleanup(gone)
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(kind | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		t.Fatal(err)
	}
	return gone
}

// TestOpenOutsideOfBPFFS is an error with a hint.
func TestOpenOutsideOfBPFFS(t *testing.T) {
	need.BPF(t)
	_, err := Open(filepath.Join(t.TempDir(), "theriac"), collection(4), new(objects))
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(hint.Of(err), "mount -t bpf") {
		t.Errorf("pins outside of a BPF file system: %v, hint %q", err, hint.Of(err))
	}
}

// TestLater attaches to another interface, forgets one that is gone, and does nothing
// after Unload.
func TestLater(t *testing.T) {
	need.BPF(t)
	runtime.LockOSThread() // for good: the thread ends with the test, and its namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	dir := need.BPFFS(t)
	s, o := opened(t, dir, 4)
	attach := func(name string) error {
		t.Helper()
		c, err := s.Later()
		if err == nil {
			_, err = c.XDP(name, o.Pass)
		}
		return err
	}
	gone := tun(t, "tap0", unix.IFF_TAP)
	for _, name := range []string{"lo", "tap0"} {
		if err := attach(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Own(65534, 65534); err != nil {
		t.Error(err)
	}
	pins, err := linkPins(dir)
	if err != nil || len(pins) != 2 {
		t.Errorf("pinned are %v, %v", pins, err)
	}
	for _, path := range append(pins, dir) {
		var file unix.Stat_t
		if err := unix.Stat(path, &file); err != nil || file.Uid != 65534 {
			t.Errorf("%s is of user %d, %v", path, file.Uid, err)
		}
	}
	gone()
	if err := attach("lo"); err != nil {
		t.Error(err)
	}
	if pins, err = linkPins(dir); err != nil || len(pins) != 1 {
		t.Errorf("after an interface has gone, pinned are %v, %v", pins, err)
	}
	if err := Unload(dir); err != nil {
		t.Error(err)
	}
	if err := attach("lo"); !errors.Is(err, ErrUnloaded) {
		t.Errorf("after Unload: %v", err)
	}
}

// TestPresent splits names, and takes no prefix of a name for it.
func TestPresent(t *testing.T) {
	present, missing, err := Present([]string{"no-such-one", "lo", "l"})
	if err != nil || !slices.Equal(present, []string{"lo"}) || !slices.Equal(missing, []string{"no-such-one", "l"}) {
		t.Errorf("present %v, missing %v, %v", present, missing, err)
	}
}
