package need

import (
	"os"
	"testing"
)

// TestMachine boots a machine twice: its files stay, its processes and its network do
// not, and nothing of it is seen here.
func TestMachine(t *testing.T) {
	m := Systemd(t)
	m.Put("/etc/systemd/system/mark.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo booted >> /var/mark'\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	m.Boot()
	m.Must("systemctl enable --now mark.service && ip link add only-here type veth peer name other-end")
	if out, err := m.Run("exit 3"); err == nil || out != "" {
		t.Errorf("a script that fails: %q, %v", out, err)
	}
	if got := m.Must("test -e /sys/class/net/only-here && stat -f -c %T /sys/fs/bpf"); got != "bpf_fs\n" {
		t.Errorf("a file system of kind %q is at /sys/fs/bpf", got)
	}
	m.Stop()
	m.Boot()
	if got := m.Must("cat /var/mark"); got != "booted\nbooted\n" {
		t.Errorf("after the second boot the mark is %q", got)
	}
	if out, err := m.Run("ip link show only-here"); err == nil {
		t.Errorf("the interface has survived the boot: %s", out)
	}
	if _, err := os.Stat("/var/mark"); err == nil {
		t.Error("the machine has written to this one")
	}
}
