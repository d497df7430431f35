package need

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hierarchies are where systemd keeps control groups: in version 2, in version 1, or in
// both; and by which name /proc/self/cgroup lists them.
var hierarchies = []struct{ at, name string }{
	{"/sys/fs/cgroup", ""},
	{"/sys/fs/cgroup/unified", ""},
	{"/sys/fs/cgroup/systemd", "name=systemd"},
}

// cgroups makes a control group for one machine and returns its directories. Without one of
// its own, systemd-nspawn uses `payload` in this process's group, as it does for any other
// machine, and machines would end each other's services.
func cgroups(t testing.TB, name string) (dirs []string) {
	t.Helper()
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hierarchies {
		if _, err := os.Stat(h.at + "/cgroup.procs"); err != nil {
			continue
		}
		for line := range strings.Lines(string(mine)) {
			fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, name, path
			if len(fields) < 3 || fields[1] != h.name {
				continue
			}
			dir := filepath.Join(h.at, fields[2], name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				missing(t, "systemd", "making a control group: %v", err)
			}
			t.Cleanup(func() { removeGroups(t, dir) })
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// removeGroups removes a control group and those below it, whose processes have ended.
func removeGroups(t testing.TB, top string) {
	var dirs []string
	if err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	}); err != nil {
		t.Errorf("reading the control groups of a machine: %v", err)
	}
	slices.Reverse(dirs) // the inner ones first
	for _, dir := range dirs {
		if err := eventually(patience, func() error { return os.Remove(dir) }); err != nil {
			t.Errorf("removing a control group of a machine: %v", err)
		}
	}
}
