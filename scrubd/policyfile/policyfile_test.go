package policyfile

import (
	"errors"
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

func TestRejectedPolicyFiles(t *testing.T) {
	for about, c := range map[string]struct{ content, want string }{
		"an unknown setting":              {goodFile + "    tpc: [22]\n", `FILE:6: unrecognized setting "tpc"`},
		"two of them":                     {goodFile + "    tpc: [22]\ndeamon: {}\n", "FILE:6: unrecognized setting \"tpc\"\nFILE:7: unrecognized setting \"deamon\""},
		"one in the daemon's section":     {goodFile + "daemon:\n  sockt: /x\n", `FILE:7: unrecognized setting "sockt"`},
		"no YAML":                         {"interfaces: [eth0\npolicies: x: y\n", `FILE:1: did not find expected ',' or ']'`},
		"an unknown mode":                 {goodFile + "    mode: mitigat\n", `FILE:6: "mitigat" is not a valid mode: want one of ["off" "monitor" "mitigate"]`},
		"an unknown port":                 {goodFile + "    udp:\n      - 53\n      - dns\n", `FILE:8: "dns" is not a valid port: want 443, 8000-8100 or any`},
		"a prefix with host bits":         {goodFile + "deny:\n  - 192.0.2.0/24\n  - 192.0.2.1/24\n", `FILE:8: 192.0.2.1/24 has host bits set; did you mean 192.0.2.0/24?`},
		"a policy without addresses":      {goodFile + "  - name: mail\n    tcp: [25]\n", `FILE:6: policy "mail": protect is missing: which addresses are protected?`},
		"a word for a number":             {goodFile + "sample: many\n", "FILE:6: cannot unmarshal !!str `many` into uint32"},
		"nothing":                         {"", `FILE: interfaces is missing: which ones lead to the internet?`},
		"no interfaces":                   {"policies: []\n", `FILE: interfaces is missing: which ones lead to the internet?`},
		"a socket with a relative path":   {goodFile + "daemon:\n  user: scrubd\n  socket: scrubd.sock\n", `FILE:8: daemon: socket is "scrubd.sock": want an absolute path`},
		"metrics for the world":           {goodFile + "daemon:\n  metrics: 0.0.0.0:9180\n", `FILE:7: daemon: metrics is "0.0.0.0:9180": want a loopback address with a port, such as 127.0.0.1:9180`},
		"metrics without a port":          {goodFile + "daemon:\n  metrics: 127.0.0.1\n", `FILE:7: daemon: metrics is "127.0.0.1": want a loopback address with a port, such as 127.0.0.1:9180`},
		"sysctls neither set nor checked": {goodFile + "daemon:\n  sysctls: maybe\n", `FILE:7: sysctls is "maybe": want set or check`},
		"a rate of bans without a unit":   {goodFile + "daemon:\n  bans:\n    per_shop: 5\n", `FILE:8: invalid rate "5": missing unit, want 20/s, 5/m, 100/h or 50/10s`},
		"bans for ever":                   {goodFile + "daemon:\n  bans:\n    max_ttl: 48h\n", `FILE:8: daemon: bans: max_ttl is 48h0m0s: want 1s to 24h`},
		"more bans than there is room":    {goodFile + "daemon:\n  bans:\n    max_entries: 1000000\n", `FILE:8: daemon: bans: max_entries is 1000000: want 1 to 100000`},
		"two in one file": {
			goodFile + "    udp: [dns]\n    budgets: {syn: many}\n",
			"FILE:6: \"dns\" is not a valid port: want 443, 8000-8100 or any\nFILE:7: invalid rate \"many\": missing unit, want 20/s, 5/m, 100/h or 50/10s",
		},
		"a list for a value":        {goodFile + "deny:\n  - [192.0.2.1]\n", `FILE:7: want a single value, not a list or a mapping`},
		"an address that is none":   {goodFile + "    tunnel:\n      from: 192.0.2.1\n      to: here\n", `FILE:8: ParseAddr("here"): unable to parse IP`},
		"an unknown reason":         {goodFile + "    modes:\n      rain: off\n", `FILE:7: "rain" is not a valid reason: want one of `},
		"a reason without a mode":   {goodFile + "    modes:\n      fragment: monitor\n      clean: monitor\n", `FILE:8: policy "shops": modes: a policy cannot set the mode of clean`},
		"two policies of one name":  {goodFile + "  - name: shops\n    protect: [198.51.100.1]\n", `FILE:6: duplicate policy "shops"`},
		"an address twice":          {goodFile + "  - name: mail\n    protect:\n      - 198.51.100.1\n      - 203.0.113.0/24\n", `FILE:9: 203.0.113.0/24 is protected by two policies, "shops" and "mail"`},
		"a deny list of continents": {goodFile + "deny:\n  - 192.0.2.0/24\n  - 16.0.0.0/4\n", `FILE:8: deny: 16.0.0.0/4 is wider than /8`},
		"a setting of an alias":     {goodFile + "    budgets: &b {sny: 5/s}\n  - {name: mail, protect: [198.51.100.1], budgets: *b}\n", `FILE:6: unrecognized setting "sny"`},
		"the name of before 1.0":    {goodFile + "daemon:\n  verdicts: {most: 5}\n", `FILE:7: "verdicts" is called "bans" now`},
		"the reason of before 1.0":  {goodFile + "    modes:\n      carpet: monitor\n", `FILE:7: reason "carpet" is called "rate_dst_net" now`},
		"names of before 1.0": {
			goodFile + "    budgets:\n      stray: 5/s\n      crowd: 5/s\ndaemon:\n  bans: {spare: []}\n",
			"FILE:7: \"stray\" is called \"out_of_state\" now\nFILE:8: \"crowd\" is called \"unverified_source\" now\nFILE:10: \"spare\" is called \"never_deny\" now",
		},
	} {
		path := filepath.Join(t.TempDir(), "scrubd.yaml")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(c.want, "FILE", path)
		_, err := Read(path)
		if err == nil || err.Error() != want && !(strings.HasSuffix(want, " ") && strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s:\n got %v\nwant %s", about, err, want)
		}
	}
}

// TestEndlessFiles names a device instead of a policy file.
func TestEndlessFiles(t *testing.T) {
	if _, err := Read("/dev/zero"); err == nil || !strings.Contains(err.Error(), "/dev/zero has more than 16 MiB") {
		t.Errorf("a file without an end: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	f, err := Parse([]byte(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Daemon
	if d.Socket != DefaultSocket || d.Pins != scrub.DefaultPins || d.Sysctls != SetSysctls || d.Bans.MaxEntries != 65536 ||
		d.Bans.PerShop.String() != "600/m" || d.Bans.MaxTTL.String() != "1h0m0s" || len(d.Bans.NeverDeny) != len(privatePrefixes) {
		t.Errorf("defaults are %+v", d)
	}
	f, err = Parse([]byte(goodFile + "daemon:\n  bans: {never_deny: []}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Daemon.Bans.NeverDeny; len(got) != 0 {
		t.Errorf("with an empty list never_deny is %v", got)
	}
}

// TestExample reads the file that we ship.
func TestExample(t *testing.T) {
	f, err := Read("../../cmd/scrubd/scrubd.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Policies) == 0 || f.Daemon.User == "" || len(f.Daemon.Edges) == 0 {
		t.Errorf("the example shows too little: %+v", f)
	}
}

// TestMergedMappings: a mapping can be merged into another, and its settings are
// checked as well.
func TestMergedMappings(t *testing.T) {
	f, err := Parse([]byte(goodFile + "    budgets: &b {syn: 5/s}\n  - {name: mail, protect: [198.51.100.1], budgets: {<<: *b, icmp: 7/s}}\n"))
	if err != nil || f.Policies[1].Budgets.SYN.String() != "5/s" || f.Policies[1].Budgets.ICMP.String() != "7/s" {
		t.Errorf("merged: %+v, %v", f, err)
	}
	_, err = Parse([]byte(goodFile + "    budgets: {<<: [{syn: 5/s}, {sny: 5/s}]}\n"))
	if err == nil || err.Error() != `unrecognized setting "sny"` {
		t.Errorf("an unknown setting of a merged mapping: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodFile)
	f.Add(goodFile + "    budgets: &b {syn: 5/s, <<: {icmp: unlimited}}\n  - {name: mail, protect: [::1], budgets: *b}\n")
	f.Add(goodFile + "daemon: {user: scrubd, edges: [caddy, '@adm'], bans: {per_shop: 5/m, max_ttl: 1h}}\n")
	f.Add("a: &a [*a]\n")
	f.Add("interfaces: &a {<<: *a}\n")
	f.Add("interfaces: [lo]\nlocal: [192.0.2.1]\npeers: [192.0.2.2]\nprotect: [203.0.113.0/24]\nmtu: 1500\n")
	f.Fuzz(func(t *testing.T, raw string) {
		lines := strings.Count(raw, "\n") + strings.Count(raw, "\r") + 2
		for name, parse := range map[string]func() error{
			"scrubber": func() error { _, err := Parse([]byte(raw)); return err },
			"agent":    func() error { _, err := ParseAgent([]byte(raw)); return err },
		} {
			err := parse()
			if err == nil {
				continue
			}
			wrong, ok := errors.AsType[Errors](err)
			if !ok || len(wrong) == 0 || wrong.Error() == "" {
				t.Fatalf("%s: %T %v", name, err, err)
			}
			for _, e := range wrong {
				if e.Line < 0 || e.Line > lines {
					t.Errorf("%s: line %d of %d: %v", name, e.Line, lines, e)
				}
			}
		}
	})
}
