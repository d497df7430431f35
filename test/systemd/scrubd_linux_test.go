package systemd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/test/need"
)

// uplink makes the interface eth0, with a client behind it, once scrubd is up: so the
// interface comes late at each boot.
const uplink = `[Unit]
After=scrubd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'ip netns add client; ip link add eth0 type veth peer name c0 netns client; \
	ip addr add 203.0.113.10/24 dev eth0; ip link set eth0 up; \
	ip -n client addr add 203.0.113.7/24 dev c0; ip -n client link set c0 up'
ExecStop=/bin/sh -c 'ip link del eth0; ip netns del client'
[Install]
WantedBy=multi-user.target
`

const policy = `interfaces: [eth0]
policies:
  - {name: shops, protect: [203.0.113.10], udp: [9]}
daemon:
  user: scrubd
  group: theriac
  edges: [caddy]
`

// A scrubber is a machine with scrubd, as docs/scrubber.md installs it.
type scrubber struct {
	t *testing.T
	*need.Machine
}

func newScrubber(t *testing.T) scrubber {
	need.BPF(t)
	s := scrubber{t, need.Systemd(t)}
	s.Install("scrubd")
	for _, name := range []string{"scrubd.service", "scrubd-agent.service"} {
		unit, err := os.ReadFile(filepath.Join("..", "..", "cmd", "scrubd", name))
		if err != nil {
			t.Fatal(err)
		}
		s.Put("/etc/systemd/system/"+name, string(unit), 0o644)
	}
	s.Put("/etc/systemd/system/uplink.service", uplink, 0o644)
	s.Put("/etc/theriac/scrubd.yaml", policy, 0o644)
	s.Boot()
	s.Must("useradd --system --no-create-home scrubd; groupadd --system theriac; id caddy 2>/dev/null || useradd --system --no-create-home caddy; usermod -aG theriac caddy")
	return s
}

// status is what scrubd answers.
func (s scrubber) status() (answer daemon.Status) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.Must("scrubd status --json")), &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// isOn waits until eth0 is attached, and says how long that took.
func (s scrubber) isOn(after string) {
	s.t.Helper()
	began := time.Now()
	for {
		if all := s.status().Attached; len(all) == 1 && all[0].On() && all[0].Renamed == "" {
			s.t.Logf("after %s eth0 is attached within %.1f s", after, time.Since(began).Seconds())
			return
		}
		if time.Since(began) > 20*time.Second {
			s.t.Fatalf("after %s eth0 is not attached:\n%s", after, s.Must("scrubd status; ip link; journalctl -u scrubd --no-pager"))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// drops reports whether packets of the client are dropped as denied.
func (s scrubber) drops(after string) {
	s.t.Helper()
	denied := func() (packets uint64) {
		for _, r := range s.status().Rates {
			if r.Reason.String() == "denied" {
				packets += r.Packets
			}
		}
		return packets
	}
	before := denied()
	s.Must("ip netns exec client bash -c 'for i in 1 2 3 4 5; do echo packet > /dev/udp/203.0.113.10/9; done'")
	if denied() < before+5 {
		s.t.Errorf("after %s packets of a denied source are not dropped:\n%s", after, s.Must("scrubd status; scrubd deny list"))
	}
}

// TestScrubdUnderSystemd: what operators and edges need of scrubd holds after a reload,
// a restart, a crash, the loss of the interface, and a boot.
func TestScrubdUnderSystemd(t *testing.T) {
	t.Parallel()
	s := newScrubber(t)
	s.Must("systemctl enable --now scrubd")
	if a := s.status().Attached; len(a) != 1 || !a[0].Missing {
		t.Errorf("systemd calls it started, without its interface, and status has %+v", a)
	}
	s.Must("systemctl enable --now uplink")
	s.isOn("an interface that comes late")
	s.Must("scrubd deny add 203.0.113.7 --for 2h --why 'ticket 4711'")
	for _, event := range []struct{ name, script string }{
		{"a start", "true"},
		{"systemctl reload", "systemctl reload scrubd"},
		{"systemctl restart", "systemctl restart scrubd"},
		{"kill -9", "kill -9 $(systemctl show -p MainPID --value scrubd); until scrubd status >/dev/null 2>&1; do sleep .1; done; test $(systemctl show -p NRestarts --value scrubd) = 1"},
		{"the loss of the interface", "systemctl restart uplink"},
		{"a second reload", "systemctl reload scrubd"},
	} {
		s.Must(event.script)
		s.isOn(event.name)
		s.drops(event.name)
		s.Must("setpriv --reuid caddy --regid caddy --init-groups scrubd status")
		if out := s.Must("scrubd deny add 198.51.100.9 --why 'ticket 4712'"); strings.Contains(out, "lost") {
			t.Errorf("after %s the state cannot be written: %s", event.name, out)
		}
	}

	s.Must("scrubd allow add 198.51.100.10 --for 2h --why 'ticket 4713'")

	s.Stop()
	s.Boot()
	s.isOn("a boot")
	s.drops("a boot")
	if out := s.Must("scrubd deny list"); !strings.Contains(out, "ticket 4711") || !strings.Contains(out, "root") {
		t.Errorf("after a boot the list is\n%s", out)
	}
	if out := s.Must("scrubd allow list"); !strings.Contains(out, "ticket 4713") {
		t.Errorf("after a boot the allow list is\n%s", out)
	}
	if out := s.Must("ls -ld /var/lib/scrubd /var/lib/scrubd/state"); !strings.Contains(out, " root ") || !strings.Contains(out, "drwx------ 2 scrubd") {
		t.Errorf("the directories are\n%s", out)
	}
	// The negative control: what is unloaded counts nothing, until scrubd is restarted.
	s.Must("scrubd unload; ! ip link show eth0 | grep -q prog/xdp; systemctl restart scrubd")
	s.isOn("scrubd unload and a restart")
	s.drops("scrubd unload and a restart")
}

// becomes waits until a sysctl has a value.
func (s scrubber) becomes(sysctl, want, after string) {
	s.t.Helper()
	got := ""
	for range 200 {
		if got = strings.TrimSpace(s.Must("sysctl -n " + sysctl)); got == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Errorf("after %s %s is %s, want %s:\n%s", after, sysctl, got, want, s.Must("journalctl -u scrubd -u scrubd-agent --no-pager"))
}

// TestLateInterfaceOfATunnel: what leads into a tunnel needs a sysctl of its interface,
// which only a start may set. scrubd is started again for it.
func TestLateInterfaceOfATunnel(t *testing.T) {
	t.Parallel()
	s := newScrubber(t)
	s.Put("/etc/theriac/scrubd.yaml", policy+"  sysctls: set\n", 0o644)
	s.Must("sed -i 's/udp: .9./tunnel: {from: 203.0.113.10, to: 203.0.113.7}/; s/protect: .*10., /protect: [198.51.100.9], /' /etc/theriac/scrubd.yaml; scrubd policy check")
	s.Must("systemctl start scrubd")
	const event = "systemctl start uplink"
	s.Must(event)
	s.becomes("net.ipv4.conf.eth0.forwarding", "1", event)
	s.Must("until scrubd status >/dev/null 2>&1; do sleep .1; done")
	s.isOn(event)
	if out := s.Must("scrubd status"); strings.Contains(out, "sysctl ") {
		t.Errorf("status says\n%s", out)
	}
}

// TestAgentUnderSystemd: its interface comes late, goes and comes back.
func TestAgentUnderSystemd(t *testing.T) {
	t.Parallel()
	s := newScrubber(t)
	s.Put("/etc/theriac/agent.yaml", "interfaces: [eth0]\nlocal: [203.0.113.10]\npeers: [203.0.113.7]\nprotect: [198.51.100.0/24]\ndaemon: {user: scrubd}\n", 0o644)
	s.Must("systemctl start scrubd-agent")
	if out := s.Must("scrubd agent status"); !strings.Contains(out, "NO INTERFACE") {
		t.Errorf("without its interface, status says\n%s", out)
	}
	s.Must("sysctl -qw net.ipv4.conf.default.rp_filter=1") // eth0 has it when it comes, and no tunnel works with it
	for _, event := range []string{"systemctl start uplink", "systemctl reload scrubd-agent", "systemctl restart uplink", "systemctl restart scrubd-agent"} {
		s.Must(event)
		out := ""
		for range 100 {
			out = s.Must("scrubd agent status")
			if strings.Contains(out, "in on eth0\n") && strings.Contains(out, "out on eth0\n") {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if !strings.Contains(out, "in on eth0\n") || !strings.Contains(out, "out on eth0\n") {
			t.Errorf("after %s status says\n%s%s", event, out, s.Must("journalctl -u scrubd-agent --no-pager"))
		}
		s.becomes("net.ipv4.conf.eth0.rp_filter", "2", event)
	}
}
