package install

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// TestInstall follows the pages: Redis and the first edge, the scrubber below it, and a
// second edge, which share their limits at last.
func TestInstall(t *testing.T) {
	install, scrubber := pageOf(t, "install.md"), pageOf(t, "scrubber.md")
	first, second := boot(t), boot(t)
	need.Wire(t, need.End{Machine: first.Machine, Interface: "eth0", Addresses: []string{"203.0.113.10/24"}},
		need.End{Machine: second.Machine, Interface: "eth0", Addresses: []string{"203.0.113.11/24"}})
	need.Wire(t, need.End{Machine: first.Machine, Interface: "eth1", Addresses: []string{"10.0.0.1/24"}},
		need.End{Machine: second.Machine, Interface: "eth1", Addresses: []string{"10.0.0.2/24"}})

	first.follow(t, install, "The binary", "User, folders, secret", "Redis", "The first edge")
	first.follow(t, scrubber, "Install")
	second.files(t, "sh", "-c", `mkdir -p "$1/srv/fra-1" && cd "$0" && cp -r --parents --preserve=mode etc/theriac etc/systemd/system/theriac.* etc/sysctl.d/60-theriac.conf "$1/srv/fra-1"`,
		first.Root, second.Root)
	second.follow(t, install, "The binary", "The second edge")

	for _, h := range []*host{first, second} {
		within(t, h, "theriac shield status", "shared; edges: fra-1, fra-2")
	}
	within(t, first, "scrubd status", "attached  eth0")
	within(t, first, "theriac shield status", "scrubd.sock: 0 bans")
	second.Must("ip address add 192.0.2.2/24 dev eth0")
	second.follow(t, pageOf(t, "routed.md"), "The agent")
	second.Must("systemctl reload scrubd-agent && curl -s http://127.0.0.1:9183/metrics | grep -q ^theriac_scrub_agent_attached")
	t.Run("later", func(t *testing.T) { changes(t, first, second) })
	t.Run("running", func(t *testing.T) { run(t, first, second) })
}

// changes does what the pages say that can be done later.
func changes(t *testing.T, first, second *host) {
	first.Must("systemctl reload scrubd && systemctl reload theriac")
	first.Must("echo THERIAC_EDGES=2 >> /etc/theriac/env && systemctl reload theriac")
	if got := first.Must("curl -s http://localhost:2019/config/apps/shield/redis/edges"); strings.TrimSpace(got) != "2" {
		t.Errorf("after the reload the edge counts %q edges", got)
	}
	for _, url := range []string{"http://127.0.0.1:9180/metrics", "http://127.0.0.1:9181/metrics"} {
		if got := first.Must("curl -s " + url + " | grep -c ^theriac_"); got == "0\n" {
			t.Errorf("%s has no metric of ours", url)
		}
	}
	first.Must("theriac shield ban 198.51.100.200 --for 5m")
	within(t, second, "theriac shield bans", "manual") // an address that it has not seen is a reference
	within(t, first, "scrubd deny list", "198.51.100.200")
}

// run follows docs/operations/running.md: an upgrade and the way back, metrics for the other
// host, and a new host that is restored from what was saved.
func run(t *testing.T, first, second *host) {
	running := pageOf(t, "operations/running.md")
	first.follow(t, running, "Upgrading", "Metrics for another host")
	const ask = "curl -s -o /dev/null -w '%{http_code}' --resolve fra-1.internal:9443:10.0.0.1 -k https://fra-1.internal:9443/metrics"
	if got, err := second.Run(ask); err == nil || got != "000" {
		t.Errorf("without a certificate the metrics' site answers %q, %v", got, err)
	}
	saving := slices.IndexFunc(running, func(b block) bool { return b.section == "Saving and restoring" })
	if err := first.typed(running[saving]); err != nil {
		t.Fatal(err)
	}
	third := boot(t)
	third.files(t, "mkdir", "-p", third.Root+"/var/backups")
	third.files(t, "cp", first.Root+"/var/backups/theriac.tar.gz", third.Root+"/var/backups/")
	install := pageOf(t, "install.md")
	third.follow(t, install, "The binary")
	third.follow(t, running, "Checking a configuration elsewhere")
	third.Must("cp /srv/built/scrubd /usr/bin/ && ip link add eth1 type veth peer name none && ip address add 10.0.0.1/24 dev eth1")
	for _, b := range running[saving+1:] {
		if b.section == "Saving and restoring" {
			if err := third.typed(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := third.Must("stat -c %U:%G:%a /etc/theriac/secret /var/lib/caddy"); got != "root:caddy:640\ncaddy:caddy:755\n" {
		t.Errorf("what is restored belongs to %s", got)
	}
}

// TestMissingLine shows that the pages need their lines: without the user nothing belongs to
// it, and what is printed is read.
func TestMissingLine(t *testing.T) {
	blocks := pageOf(t, "install.md")
	h := boot(t)
	h.patience = time.Second
	user := slices.IndexFunc(blocks, func(b block) bool { return b.section == "User, folders, secret" })
	without := blocks[user]
	without.lines = slices.DeleteFunc(slices.Clone(without.lines), func(line string) bool { return strings.HasPrefix(line, "useradd ") })
	if len(without.lines) != len(blocks[user].lines)-1 {
		t.Fatal("the page makes no user")
	}
	if err := h.typed(without); err == nil || !strings.Contains(err.Error(), "caddy") {
		t.Errorf("without useradd: %v", err)
	}
	if err := h.typed(block{lines: []string{"echo LOST"}, prints: []string{"shared"}}); err == nil || !strings.Contains(err.Error(), "not:\nshared") {
		t.Errorf("what is not printed is found: %v", err)
	}
}

// TestStandIns: each line that the test replaces is on a page.
func TestStandIns(t *testing.T) {
	var lines []string
	for _, name := range []string{"install.md", "scrubber.md", "operations/running.md"} {
		for _, b := range pageOf(t, name) {
			lines = append(lines, b.lines...)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(standIns)) {
		if !slices.Contains(lines, line) {
			t.Errorf("no page has the line %q any more", line)
		}
	}
}

func pageOf(t *testing.T, name string) []block {
	t.Helper()
	blocks, err := read(name)
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// within waits until a command prints something.
func within(t *testing.T, h *host, command, want string) {
	t.Helper()
	until, got := time.Now().Add(patience), ""
	for {
		got, _ = h.Run(command)
		if strings.Contains(got, want) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s prints\n%s\nand not %q", command, got, want)
		}
		time.Sleep(300 * time.Millisecond)
	}
}
