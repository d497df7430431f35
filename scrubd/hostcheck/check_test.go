//go:build linux

package hostcheck

import (
	"errors"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func TestKernelVersions(t *testing.T) {
	clamps := &policyfile.AgentFile{}
	plain := &policyfile.AgentFile{Config: agent.Config{NoClamp: true}}
	for release, c := range map[string]struct {
		scrubber, clamping, plain string // what is wrong; empty: nothing
	}{
		"5.19.0-50-generic": {"older than 6.0", "older than 6.6", "older than 6.0"},
		"6.0.0":             {"", "older than 6.6", ""},
		"6.1.0-18-amd64":    {"", "older than 6.6", ""},
		"6.6.30":            {"", "", ""},
		"6.10.2":            {"", "", ""},
		"10.2":              {"", "", ""},
		"next":              {"not a kernel version", "not a kernel version", "not a kernel version"},
	} {
		for about, got := range map[string]struct {
			err  error
			want string
		}{
			"the scrubber":          {kernelSupported(release), c.scrubber},
			"an agent that clamps":  {agentKernelSupported(release, clamps), c.clamping},
			"an agent without that": {agentKernelSupported(release, plain), c.plain},
			"an unreadable file":    {agentKernelSupported(release, nil), c.plain},
		} {
			if (got.err == nil) != (got.want == "") || got.err != nil && !strings.Contains(got.err.Error(), got.want) {
				t.Errorf("%s on %s: %v, want %q", about, release, got.err, got.want)
			}
		}
	}
}

func TestSysctlFindings(t *testing.T) {
	setting := scrub.Setting{Name: "net/ipv4/tcp_syncookies", Want: "2", Why: "why"}
	for about, c := range map[string]struct {
		found   Sysctl
		willSet bool
		want    Finding
	}{
		"right":                 {Sysctl{Setting: setting, Is: "2"}, false, Finding{OK: true, Is: "2"}},
		"wrong":                 {Sysctl{Setting: setting, Is: "1"}, false, Finding{Is: "1, not 2: why"}},
		"wrong, and to be set":  {Sysctl{Setting: setting, Is: "1"}, true, Finding{OK: true, Is: "1; scrubd will set it to 2"}},
		"not there":             {Sysctl{Setting: setting, Is: absent}, false, Finding{OK: true, Is: "absent in this network namespace or kernel"}},
		"unreadable":            {Sysctl{Setting: setting, Bad: "permission denied"}, true, Finding{Is: "permission denied"}},
		"of a dotted interface": {Sysctl{Setting: scrub.Setting{Name: "net/ipv4/conf/eth0.7/forwarding", Want: "1"}, Is: "1"}, false, Finding{OK: true, Is: "1"}},
	} {
		got := checkSysctl(c.found, c.willSet)
		if got.OK != c.want.OK || got.Is != c.want.Is || (got.Try == "") != got.OK {
			t.Errorf("%s: %+v, want %+v", about, got, c.want)
		}
		if slashes := strings.Contains(got.What, "/"); slashes != strings.Contains(c.found.Name, ".") {
			t.Errorf("%s: it is called %q", about, got.What)
		}
	}
}

func TestFindingKeepsTheBetterHint(t *testing.T) {
	bad := errors.New("missing")
	if got := finding("x", "good", "try this", nil); !got.OK || got.Is != "good" || got.Try != "" {
		t.Errorf("without an error: %+v", got)
	}
	if got := finding("x", "good", "try this", bad); got.OK || got.Is != "missing" || got.Try != "try this" {
		t.Errorf("an error without a hint: %+v", got)
	}
	if got := finding("x", "good", "try this", hint.New(bad, "try that")); got.Try != "try that" {
		t.Errorf("an error with a hint: %+v", got)
	}
}

func TestBPFFSElsewhere(t *testing.T) {
	dir := t.TempDir() + "/pins"
	mounted, err := MountBPFFS(dir)
	if mounted || err == nil || !strings.Contains(err.Error(), "is not in a BPF file system") || !strings.HasPrefix(hint.Of(err), "mount -t bpf bpf ") {
		t.Errorf("pins outside of any BPF file system: mounted %v, %v", mounted, err)
	}
}
