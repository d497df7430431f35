package install

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// standIns are the lines of the pages that ask for what a test does not have, and what the
// test does in their place: scripts of the machine, in which the checkout is /srv/theriac,
// and the first edge's files, if it is the second, are in /srv/fra-1.
var standIns = map[string]string{
	"apt-get install git curl openssl":                  "command -v git curl openssl",
	"git clone https://github.com/theriac-edge/theriac": "",
	"cd theriac": "cd /srv/theriac",
	"go build -trimpath -o /usr/bin/theriac ./cmd/theriac": "cp /srv/built/theriac /usr/bin/theriac",
	"git pull": "",
	"go build -trimpath -o /usr/bin/theriac.new ./cmd/theriac":          "cp /srv/built/theriac /usr/bin/theriac.new",
	"go build -trimpath -o /usr/bin/scrubd ./cmd/scrubd":                "cp /srv/built/scrubd /usr/bin/scrubd",
	"apt-get install redis-server":                                      "systemctl enable --now redis-server",
	"scp -rp fra-1:/etc/theriac /etc/":                                  "cp -r --preserve=mode /srv/fra-1/etc/theriac /etc/",
	"scp -p 'fra-1:/etc/systemd/system/theriac.*' /etc/systemd/system/": "cp --preserve=mode /srv/fra-1/etc/systemd/system/theriac.* /etc/systemd/system/",
	"scp -p fra-1:/etc/sysctl.d/60-theriac.conf /etc/sysctl.d/":         "cp --preserve=mode /srv/fra-1/etc/sysctl.d/60-theriac.conf /etc/sysctl.d/",

	// An alternative to go build, and it asks the Go module proxy.
	"xcaddy build v2.11.9 --with github.com/theriac-edge/theriac/modules --output /usr/bin/theriac": "",

	// Only the host of a container has the other two.
	"sysctl -p /etc/sysctl.d/60-theriac.conf": "grep tcp /etc/sysctl.d/60-theriac.conf | sysctl -p -",
}

// patience is how long a block may take until it prints what the page says.
const patience = 20 * time.Second

// A host is a machine at which somebody types.
type host struct {
	*need.Machine
	shell    string // what the shell has kept of earlier lines: its folder, its variables
	patience time.Duration
}

// boot returns a machine with Debian's own files, in which nothing of ours is installed yet.
func boot(t *testing.T) *host {
	t.Helper()
	h := &host{Machine: need.Systemd(t), patience: patience}
	for _, path := range []string{"/usr/bin/theriac", "/usr/bin/scrubd", "/etc/sysctl.d/60-theriac.conf", "/var/lib/redis/dump.rdb"} {
		h.files(t, "rm", "-rf", h.Root+path)
	}
	h.files(t, "mkdir", "-p", h.Root+"/srv/theriac", h.Root+"/srv/built")
	h.files(t, "cp", "-r", "../../caddyfiles", "../../cmd", h.Root+"/srv/theriac")
	h.files(t, "cp", need.Command(t, "theriac"), need.Command(t, "scrubd"), h.Root+"/srv/built")
	h.Boot()
	return h
}

// files changes the machine's files from here.
func (h *host) files(t *testing.T, command string, args ...string) {
	t.Helper()
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// typed has somebody type a block at the host, and says where the page is wrong. It ends at
// the first line that fails.
func (h *host) typed(b block) error {
	printed, last := "", ""
	for _, line := range b.lines {
		if in, ok := standIns[line]; ok {
			line = in
		}
		out, err := h.Run(h.shell + line)
		if err != nil {
			return fmt.Errorf("%s: %s: %w\n%s", b.page, line, err, out)
		}
		if strings.HasPrefix(line, "cd ") || strings.HasPrefix(line, "export ") {
			h.shell += line + "\n"
		}
		printed, last = printed+out+"\n", line
	}
	until := time.Now().Add(h.patience)
	for len(b.missing(printed)) > 0 && time.Now().Before(until) {
		time.Sleep(300 * time.Millisecond)
		out, err := h.Run(h.shell + last)
		if err != nil {
			return fmt.Errorf("%s: %s: %w\n%s", b.page, last, err, out)
		}
		printed += out + "\n"
	}
	if lines := b.missing(printed); len(lines) > 0 {
		return fmt.Errorf("%s prints\n%s\nin which these lines of the page are not:\n%s", b.page, printed, strings.Join(lines, "\n"))
	}
	return nil
}

// follow has somebody type the sections of a page.
func (h *host) follow(t *testing.T, blocks []block, sections ...string) {
	t.Helper()
	for _, section := range sections {
		found := false
		for _, b := range blocks {
			if b.section != section {
				continue
			}
			found = true
			began := time.Now()
			if err := h.typed(b); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, %s: %s", b.page, section, time.Since(began).Round(time.Millisecond))
		}
		if !found {
			t.Fatalf("no block ```sh is in the section %q", section)
		}
	}
}
