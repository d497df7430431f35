//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/scrub"
)

// goodFile is the beginning of a policy file that works.
const goodFile = `interfaces: [eth0]
policies:
  - name: shops
    protect: [203.0.113.0/24]
    tcp: [80, 443]
`

func TestPolicyFilesThatAreRefused(t *testing.T) {
	for about, c := range map[string]struct{ content, want string }{
		"a word that means nothing":       {goodFile + "    tpc: [22]\n", `FILE:6: there is no setting "tpc" here`},
		"two of them":                     {goodFile + "    tpc: [22]\ndeamon: {}\n", "FILE:6: there is no setting \"tpc\" here\nFILE:7: there is no setting \"deamon\" here"},
		"one in the daemon's section":     {goodFile + "daemon:\n  sockt: /x\n", `FILE:7: there is no setting "sockt" here`},
		"a section that was renamed":      {goodFile + "daemon:\n  verdicts:\n    most: 5\n", `FILE:7: "verdicts" is called "bans" now`},
		"a setting that was renamed":      {goodFile + "daemon:\n  bans:\n    life: 5m\n", `FILE:8: "life" is called "max_ttl" now`},
		"a budget that was renamed":       {goodFile + "    budgets:\n      crowd: 5/s\n", `FILE:7: "crowd" is called "unverified_source" now`},
		"a reason that was renamed":       {goodFile + "    modes:\n      carpet: monitor\n", `FILE:7: reason "carpet" is called "rate_dst_net" now`},
		"no YAML":                         {"interfaces: [eth0\npolicies: x: y\n", `FILE:1: did not find expected ',' or ']'`},
		"a mode that is none":             {goodFile + "    mode: mitigat\n", `FILE:6: "mitigat" is no mode; the modes are ["off" "monitor" "mitigate"]`},
		"a port that is none":             {goodFile + "    udp:\n      - 53\n      - dns\n", `FILE:8: "dns" is no port; write 443, 8000-8100 or any`},
		"a prefix with host bits":         {goodFile + "deny:\n  - 192.0.2.0/24\n  - 192.0.2.1/24\n", `FILE:8: 192.0.2.1/24 has bits set behind its prefix; did you mean 192.0.2.0/24?`},
		"a policy without addresses":      {goodFile + "  - name: mail\n    tcp: [25]\n", `FILE:6: policy "mail": protect is missing: which addresses is it for?`},
		"a number that is none":           {goodFile + "sample: many\n", "FILE:6: cannot unmarshal !!str `many` into uint32"},
		"nothing":                         {"", `FILE: interfaces is missing: which ones lead to the internet?`},
		"no interfaces":                   {"policies: []\n", `FILE: interfaces is missing: which ones lead to the internet?`},
		"a socket without a whole path":   {goodFile + "daemon:\n  user: scrubd\n  socket: scrubd.sock\n", `FILE:8: daemon: socket is "scrubd.sock"; write the whole path`},
		"metrics for the world":           {goodFile + "daemon:\n  metrics: 0.0.0.0:9180\n", `FILE:7: daemon: metrics is "0.0.0.0:9180"; it must be a loopback address with a port, such as 127.0.0.1:9180`},
		"metrics without a port":          {goodFile + "daemon:\n  metrics: 127.0.0.1\n", `FILE:7: daemon: metrics is "127.0.0.1"; it must be a loopback address with a port, such as 127.0.0.1:9180`},
		"sysctls neither set nor checked": {goodFile + "daemon:\n  sysctls: maybe\n", `FILE:7: sysctls is "maybe"; it is set or check`},
		"a rate of bans without unit":     {goodFile + "daemon:\n  bans:\n    per_shop: 5\n", `FILE:8: rate "5" has no unit; write it as 20/s, 5/m, 100/h or 50/10s`},
		"bans for ever":                   {goodFile + "daemon:\n  bans:\n    max_ttl: 48h\n", `FILE:8: daemon: max_ttl is 48h0m0s; it may be 1s to 24h`},
		"more bans than there is room":    {goodFile + "daemon:\n  bans:\n    max_entries: 1000000\n", `FILE:8: daemon: max_entries is 1000000; it may be 1 to 100000`},
	} {
		path := filepath.Join(t.TempDir(), "scrubd.yaml")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(c.want, "FILE", path)
		if _, err := readFile(path); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", about, err, want)
		}
	}
}

// TestEndlessFilesAreRefused: whoever names a device, or an image, is told.
func TestEndlessFilesAreRefused(t *testing.T) {
	if _, err := readFile("/dev/zero"); err == nil || !strings.Contains(err.Error(), "/dev/zero has more than 16 MiB") {
		t.Errorf("of a file without an end: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	f, err := parseFile([]byte(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Daemon
	if d.Socket != defaultSocket || d.Pins != scrub.DefaultPins || d.Sysctls != setSysctls || d.Bans.MaxEntries != 65536 ||
		d.Bans.PerShop.String() != "600/m" || d.Bans.MaxTTL.String() != "1h0m0s" || len(d.Bans.NeverDeny) != len(privateNets) {
		t.Errorf("defaults are %+v", d)
	}
	f, err = parseFile([]byte(goodFile + "daemon:\n  bans: {never_deny: []}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Daemon.Bans.NeverDeny; len(got) != 0 {
		t.Errorf("an empty list spares %v", got)
	}
}

// TestExample holds the file that we ship to what is read here.
func TestExample(t *testing.T) {
	f, err := readFile("scrubd.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Policies) == 0 || f.Daemon.User == "" || len(f.Daemon.Edges) == 0 {
		t.Errorf("the example shows too little: %+v", f)
	}
}

func TestSysctls(t *testing.T) {
	settings := []scrub.Setting{{Name: "net/one", Want: "2"}, {Name: "net/two", Want: "1"}, {Name: "net/absent", Want: "1"}}
	for about, c := range map[string]struct {
		mode      sysctlMode
		one, want string
		bad       bool
	}{
		"set":                   {setSysctls, "1", "2", false},
		"right already":         {checkSysctls, "2", "2", false},
		"wrong, and not set":    {checkSysctls, "1", "1", true},
		"right, and may be set": {setSysctls, "2", "2", false},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "net"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"one": c.one, "two": "1"} {
			if err := os.WriteFile(filepath.Join(root, "net", name), []byte(value+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		found := examine(root, settings, c.mode)
		if err := wrong(found); (err != nil) != c.bad {
			t.Errorf("%s: %v", about, err)
		}
		raw, err := os.ReadFile(filepath.Join(root, "net/one"))
		if err != nil {
			t.Fatal(err)
		}
		if got := found[0].Is; got != c.want || string(raw)[:1] != c.want {
			t.Errorf("%s: it is %q, and %q stands there; want %q", about, got, raw, c.want)
		}
	}
	unwritable := examine("/nonexistent", settings[:1], setSysctls)
	if !unwritable[0].ok() || unwritable[0].Is != absent {
		t.Errorf("a sysctl that is not there: %+v", unwritable[0])
	}
}
