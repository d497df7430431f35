//go:build linux

package scrub

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/test/need"
)

// pins is a folder for pins in a BPF file system of the test's own.
func pins(t testing.TB) string {
	t.Helper()
	need.BPF(t)
	dir := t.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mounting a BPF file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting the BPF file system: %v", err)
		}
	})
	return filepath.Join(dir, "theriac")
}

// loaded is a dataplane with this policy, attached to nothing.
func loaded(t testing.TB, policy string) *Scrubber {
	t.Helper()
	s, err := Load(pins(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestListsSurviveTheirProcess(t *testing.T) {
	dir := pins(t)
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	if err := first.Deny(Entry{Prefix: prefix, Until: time.Now().Add(time.Hour), Cause: 3, Owner: 7}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	denied, err := second.Denied()
	if err != nil {
		t.Fatal(err)
	}
	if len(denied) != 1 || denied[0].Prefix != prefix || denied[0].Cause != 3 || denied[0].Owner != 7 ||
		time.Until(denied[0].Until).Round(time.Minute) != time.Hour {
		t.Errorf("denied are %v, want %s for an hour", denied, prefix)
	}
}
