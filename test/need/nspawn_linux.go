package need

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Machine is a throw-away system that systemd boots: a copy of this one's files, with
// a network, processes and pinned BPF objects of its own, and none of this one's
// services. What it writes is gone when the test ends.
type Machine struct {
	// Root is the directory of its files, for this process; /run, /tmp, /dev and
	// /sys of the booted machine are not among them.
	Root string

	t      testing.TB
	nspawn *process // nil: it is off
	leader string   // the ID that its first process has here
}

// bootPatience is for how long a machine may boot or stop.
const bootPatience = time.Minute

// Systemd returns a machine that is off, where this process may boot one with
// systemd-nspawn.
func Systemd(t testing.TB) *Machine {
	t.Helper()
	Root(t)
	Time(t)
	program(t, "systemd", "systemd-container", "systemd-nspawn")
	program(t, "systemd", "util-linux", "nsenter")
	m := &Machine{t: t, Root: overlay(t)}
	for _, dir := range []string{"/etc/systemd/system", "/etc/theriac"} {
		if err := os.RemoveAll(m.Root + dir); err != nil {
			t.Fatalf("emptying %s of the machine: %v", dir, err)
		}
	}
	// Those that would reach beyond the machine, to devices and to the kernel's
	// settings, and those that wait for somebody to log in.
	for unit := range strings.FieldsSeq(`systemd-udevd.service systemd-udev-trigger.service systemd-udevd-kernel.socket systemd-udevd-control.socket
		systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-random-seed.service
		getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer`) {
		m.link("/dev/null", "/etc/systemd/system/"+unit)
	}
	m.Put("/etc/machine-id", "11111111111111111111111111111111\n", 0o444)
	// systemd mounts it at boot, except in containers, and allows no unit of type mount for it.
	m.Put("/etc/systemd/system/bpffs.service", `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir -p /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf'
`, 0o644)
	m.link("../bpffs.service", "/etc/systemd/system/sysinit.target.wants/bpffs.service")
	return m
}

// overlay mounts this machine's files once more, with what is written kept in memory
// until the test ends.
func overlay(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	mount := func(source, target, kind, options string) {
		t.Helper()
		if err := unix.Mount(source, target, kind, 0, options); err != nil {
			missing(t, "systemd", "mounting a %s at %s needs CAP_SYS_ADMIN: %v", kind, target, err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Errorf("unmounting %s: %v", target, err)
			}
		})
	}
	mount("tmpfs", dir, "tmpfs", "mode=0755")
	layer := map[string]string{}
	for _, name := range []string{"upper", "work", "root"} {
		layer[name] = filepath.Join(dir, name)
		if err := os.Mkdir(layer[name], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount("overlay", layer["root"], "overlay", "lowerdir=/,upperdir="+layer["upper"]+",workdir="+layer["work"])
	return layer["root"]
}

// Put writes a file of the machine, and the directories above it. On a machine that
// is booted, systemd reads units again after `systemctl daemon-reload`.
func (m *Machine) Put(path, content string, mode os.FileMode) {
	m.t.Helper()
	path = filepath.Join(m.Root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil { // a new file, also in the place of a link
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		m.t.Fatal(err)
	}
}

// Install puts one of our commands, such as "scrubd", into /usr/bin.
func (m *Machine) Install(command string) {
	m.t.Helper()
	binary, err := os.ReadFile(Command(m.t, command))
	if err != nil {
		m.t.Fatal(err)
	}
	m.Put("/usr/bin/"+command, string(binary), 0o755)
}

// link makes a symbolic link of the machine.
func (m *Machine) link(to, path string) {
	m.t.Helper()
	path = filepath.Join(m.Root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		m.t.Fatal(err)
	}
}

// Boot boots the machine and waits until it has started what is enabled, or failed to.
func (m *Machine) Boot() {
	m.t.Helper()
	// Two machines of one name are in each other's way, and systemd-nspawn that is killed
	// leaves the machine running, unless a namespace of processes ends with it.
	name := "theriac-" + strings.ToLower(rand.Text())
	var enter strings.Builder
	for _, dir := range cgroups(m.t, name) {
		enter.WriteString("echo $$ > " + dir + "/cgroup.procs && ")
	}
	p, err := start("sh", "-c", enter.String()+`exec env SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes unshare --pid --fork --kill-child --mount-proc systemd-nspawn "$@"`, "sh", "--machine="+name, "--directory="+m.Root, "--boot", "--register=no", "--keep-unit",
		"--private-network", "--capability=all", "--system-call-filter=bpf perf_event_open", "--console=pipe",
		"systemd.unit=multi-user.target", "systemd.log_target=console")
	if err != nil {
		m.t.Fatal(err)
	}
	m.nspawn = p
	m.t.Cleanup(func() {
		if err := p.kill(); err != nil {
			m.t.Error(err)
		}
		if err := os.RemoveAll("/run/systemd/nspawn/propagate/" + name); err != nil { // which it leaves when it is killed
			m.t.Error(err)
		}
	})
	up := eventually(bootPatience, func() error {
		if p.ended() {
			return nil
		}
		m.leader = child(child(strconv.Itoa(p.cmd.Process.Pid)))
		if m.leader == "" {
			return fmt.Errorf("systemd-nspawn has started nothing")
		}
		state, err := m.Run("systemctl is-system-running")
		if strings.TrimSpace(state) == "degraded" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is %q: %w", state, err)
		}
		return nil
	})
	if p.ended() {
		missing(m.t, "systemd", "systemd-nspawn cannot boot a machine here: %v\n%s", p.err, &p.output)
	}
	if up != nil {
		_ = p.kill() // its output is complete then
		m.t.Fatalf("booting a machine: %v\n%s", up, &p.output)
	}
}

// child is the ID of a process' first child.
func child(pid string) string {
	raw, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	fields := bytes.Fields(raw)
	if err != nil || len(fields) == 0 {
		return ""
	}
	return string(fields[0])
}

// Run has the booted machine's root run a script of the shell, and returns what it
// prints.
func (m *Machine) Run(script string) (output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*bootPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--all", "--target", m.leader, "--", "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "SYSTEMD_PAGER="}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Must is Run for a script that must end well.
func (m *Machine) Must(script string) string {
	m.t.Helper()
	out, err := m.Run(script)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// Stop shuts the machine down: systemd stops its services first.
func (m *Machine) Stop() {
	m.t.Helper()
	leader, err := strconv.Atoi(m.leader)
	if err != nil || m.nspawn == nil || m.nspawn.ended() {
		m.t.Fatal("stopping a machine that is off")
	}
	const halt = unix.Signal(34 + 4) // SIGRTMIN+4: power off, systemd(1)
	if err := unix.Kill(leader, halt); err != nil {
		m.t.Fatalf("shutting the machine down: %v", err)
	}
	select {
	case <-m.nspawn.done:
	case <-time.After(bootPatience):
		m.t.Errorf("the machine does not shut down within %v", bootPatience)
	}
}
