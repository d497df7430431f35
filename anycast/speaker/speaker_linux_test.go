package speaker

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/test/need"
)

// insideVar is set in the process that runs in a network namespace of its own.
const insideVar = "THERIAC_TEST_INSIDE"

// inNamespace runs a test in a process of its own, in a network namespace of its own: GoBGP's
// goroutines run on any thread. It reports whether this is that process.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVar) != "" {
		return true
	}
	need.NetNS(t)
	need.Bird(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v=false")
	cmd.Env = append(os.Environ(), insideVar+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a network namespace: %v\n%s", err, out)
	}
	return false
}

const (
	routerAddr = "192.0.2.254"
	edgeAddr   = "192.0.2.1"
)

// lab sets up the namespace: addresses of a router and an edge, on one host.
func lab(t *testing.T) {
	t.Helper()
	for _, line := range []string{
		"link set lo up", "addr add " + routerAddr + "/32 dev lo", "addr add " + edgeAddr + "/32 dev lo",
		"-6 addr add 2001:db8:ffff::1/128 dev lo nodad",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
}

// bird starts one until the test ends, and returns its control socket.
func bird(t *testing.T, name, config string) (socket string) {
	t.Helper()
	dir := t.TempDir()
	file, socket := filepath.Join(dir, name+".conf"), filepath.Join(dir, name+".ctl")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(need.Bird(t), "-f", "-c", file, "-s", socket)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	ended := make(chan struct{})
	go func() { // the parent of its life is a thread
		defer close(ended)
		started <- cmd.Start()
		_ = cmd.Wait()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	eventually(t, "bird answers", func() bool { _, err := NewBird(socket, nil).Sessions(t.Context()); return err == nil })
	return socket
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not hold, and would not for 30 s: %s", what)
		}
	}
}

// router starts the router's bird.
func router(t *testing.T) *Bird {
	t.Helper()
	return NewBird(bird(t, "router", `
router id `+routerAddr+`;
protocol device { }
flow4 table flows4; flow6 table flows6;
protocol bgp edge {
	local `+routerAddr+` as 64500;
	neighbor `+edgeAddr+` as 64501;
	multihop 2; passive on; hold time 9;
	ipv4 { import all; export none; };
	ipv6 { import all; export none; };
	flow4 { table flows4; import all; export none; validate off; };
	flow6 { table flows6; import all; export none; validate off; };
}`), nil)
}

// show asks the router.
func show(t *testing.T, router *Bird, what string) string {
	t.Helper()
	session, err := router.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	lines, err := session.command("show route " + what)
	if err != nil && !strings.Contains(err.Error(), "8001") { // Network not found
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// routes are the prefixes that the router knows, with a mark for those to be dropped.
func routes(t *testing.T, router *Bird) (all []string) {
	t.Helper()
	last := ""
	for line := range strings.Lines(show(t, router, "all table master4") + "\n" + show(t, router, "all table master6")) {
		if f := strings.Fields(line); len(f) > 0 && strings.Contains(f[0], "/") {
			last = f[0]
			all = append(all, last)
		}
		if strings.Contains(line, "BGP.community") && strings.Contains(line, "(65535,666)") {
			all[len(all)-1] = last + " blackhole"
		}
	}
	slices.Sort(all)
	return all
}

var prefixes = []netip.Prefix{
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.7/32"),
	netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("2001:db8:1::7/128"),
}

// birdOfEdge is the configuration of the BIRD beside an edge, as the documentation has it.
func birdOfEdge() string {
	var text strings.Builder
	text.WriteString("router id " + edgeAddr + ";\nprotocol device { }\n")
	for _, p := range prefixes {
		family, set := "ipv4", ""
		if p.Addr().Is6() {
			family = "ipv6"
		}
		fmt.Fprintf(&text, "protocol static %s { disabled; %s; route %v unreachable%s; }\n", ProtocolName(anycast.Route{Prefix: p}), family, p, set)
		if isHost(p) {
			fmt.Fprintf(&text, "protocol static %s { disabled; %s; route %v unreachable { bgp_community.add((65535, 666)); }; }\n",
				ProtocolName(anycast.Route{Prefix: p, Blackhole: true}), family, p)
		}
	}
	text.WriteString(`protocol bgp uplink {
	local ` + edgeAddr + ` port 1790 as 64501;
	neighbor ` + routerAddr + ` as 64500;
	multihop 2; hold time 9; keepalive time 3; connect delay time 1; graceful restart off;
	ipv4 { import none; export where source = RTS_STATIC; next hop self; };
	ipv6 { import none; export where source = RTS_STATIC; next hop self; };
}`)
	return text.String()
}

// speakers start each kind beside the router of the lab.
var speakers = map[string]func(*testing.T) Speaker{
	"GoBGP": func(t *testing.T) Speaker { return goBGP(t) },
	"Bird":  func(t *testing.T) Speaker { return NewBird(bird(t, "edge", birdOfEdge()), prefixes) },
}

func goBGP(t *testing.T) *GoBGP {
	t.Helper()
	g, err := NewGoBGP(t.Context(), Config{
		ASN: 64501, RouterID: netip.MustParseAddr(edgeAddr),
		NextHops: []netip.Addr{netip.MustParseAddr(edgeAddr), netip.MustParseAddr("2001:db8:ffff::1")},
		Peers:    []Peer{{Address: netip.MustParseAddr(routerAddr), ASN: 64500, Multihop: 2, FlowSpec: true}},
	}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func all(blackhole ...int) (a anycast.Announcement) {
	for i, p := range prefixes {
		a.Routes = append(a.Routes, anycast.Route{Prefix: p, Blackhole: slices.Contains(blackhole, i)})
	}
	return a
}

// One table for both: what is applied, and what a router then knows.
func TestSpeakersTellARouter(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	lab(t)
	router := router(t)
	for name, start := range speakers {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			for i, step := range []struct {
				say  anycast.Announcement
				want []string
			}{
				{anycast.Announcement{}, nil},
				{all(), []string{"198.51.100.7/32", "2001:db8:1::/48", "2001:db8:1::7/128", "203.0.113.0/24"}},
				{all(), []string{"198.51.100.7/32", "2001:db8:1::/48", "2001:db8:1::7/128", "203.0.113.0/24"}},
				{all(1, 3), []string{"198.51.100.7/32 blackhole", "2001:db8:1::/48", "2001:db8:1::7/128 blackhole", "203.0.113.0/24"}},
				{anycast.Announcement{Routes: all(1).Routes[1:2]}, []string{"198.51.100.7/32 blackhole"}},
				{all(), []string{"198.51.100.7/32", "2001:db8:1::/48", "2001:db8:1::7/128", "203.0.113.0/24"}},
				{anycast.Announcement{}, nil},
				{all(), []string{"198.51.100.7/32", "2001:db8:1::/48", "2001:db8:1::7/128", "203.0.113.0/24"}},
			} {
				if err := s.Apply(t.Context(), step.say); err != nil {
					t.Fatalf("step %d: %v", i+1, err)
				}
				if i == 0 {
					eventually(t, "the session is up", func() bool {
						sessions, err := s.Sessions(t.Context())
						return err == nil && len(sessions) == 1 && sessions[0].Up && sessions[0].Peer != "" && sessions[0].State != ""
					})
				}
				eventually(t, fmt.Sprintf("after step %d the router knows %q", i+1, step.want), func() bool {
					return slices.Equal(routes(t, router), step.want)
				})
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the router knows nothing of a speaker that is closed", func() bool { return len(routes(t, router)) == 0 })
			if name == "Bird" {
				return
			}
			if sessions, _ := router.Sessions(t.Context()); len(sessions) != 1 || sessions[0].Up {
				t.Errorf("after the end of the speaker the router has the sessions %+v", sessions)
			}
		})
	}
}

func TestRouterGetsFlowSpecRules(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	lab(t)
	router := router(t)
	g := goBGP(t)
	rules := []anycast.RuleTo{
		{Destination: netip.MustParseAddr("198.51.100.7"), Rule: anycast.Rule{Protocol: 17, SourcePort: 123, Rate: 1e6}},
		{Destination: netip.MustParseAddr("198.51.100.7"), Rule: anycast.Rule{Source: netip.MustParsePrefix("192.0.2.0/24"), Protocol: 6, Port: 443}},
		{Destination: netip.MustParseAddr("2001:db8:1::7"), Rule: anycast.Rule{Source: netip.MustParsePrefix("2001:db8:2::/48"), Protocol: 17, SourcePort: 53}},
	}
	if err := g.Apply(t.Context(), anycast.Announcement{Rules: rules}); err != nil {
		t.Fatal(err)
	}
	for want, table := range map[string]string{
		"flow4 { dst 198.51.100.7/32; proto 17; sport 123; }":                             "flows4",
		"flow4 { dst 198.51.100.7/32; src 192.0.2.0/24; proto 6; dport 443; }":            "flows4",
		"flow6 { dst 2001:db8:1::7/128; src 2001:db8:2::/48; next header 17; sport 53; }": "flows6",
		"(generic, 0x80060000, 0x49742400)":                                               "flows4", // a rate of 1e6 bytes/s as a float
		"(generic, 0x80060000, 0x0)":                                                      "flows4", // and of 0
	} {
		eventually(t, "the router knows "+want, func() bool { return strings.Contains(show(t, router, "all table "+table), want) })
	}
	if err := g.Apply(t.Context(), anycast.Announcement{Rules: rules[:1]}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two rules are withdrawn", func() bool {
		return strings.Count(show(t, router, "table flows4"), "flow4 {") == 1 && !strings.Contains(show(t, router, "table flows6"), "flow6 {")
	})
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "no rule outlives the speaker", func() bool { return !strings.Contains(show(t, router, "table flows4"), "flow4 {") })
}

func TestBirdThatCannotAnnounce(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	lab(t)
	b := NewBird(bird(t, "edge", "router id 192.0.2.1;\nprotocol device { }\n"), prefixes)
	for want, a := range map[string]anycast.Announcement{
		"has no protocol vip_203_0_113_0_24": all(),
		"not among the prefixes":             {Routes: []anycast.Route{{Prefix: netip.MustParsePrefix("192.0.2.9/32")}}},
		ErrNoFlowSpec.Error():                {Rules: make([]anycast.RuleTo, 1)},
	} {
		if err := b.Apply(t.Context(), a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; want %q", err, want)
		}
	}
	if err := NewBird(filepath.Join(t.TempDir(), "none"), prefixes).Apply(context.Background(), all()); err == nil {
		t.Error("a BIRD that does not run was told something")
	}
}
