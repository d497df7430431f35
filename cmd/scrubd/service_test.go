//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// directives are what systemd.unit(5), .service(5), .exec(5) and .kill(5) know
// of what a unit such as ours may say.
var directives = map[string]string{
	"Unit": "Description Documentation After Before Wants Requires ConditionPathExists StartLimitIntervalSec StartLimitBurst",
	"Service": `Type ExecStart ExecStartPre ExecReload ExecStop Restart RestartSec TimeoutStartSec TimeoutStopSec
		RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve StateDirectory StateDirectoryMode CapabilityBoundingSet AmbientCapabilities NoNewPrivileges LimitMEMLOCK LimitNOFILE
		ProtectSystem ReadWritePaths ReadOnlyPaths ProtectHome PrivateTmp PrivateDevices PrivateMounts PrivateNetwork PrivateUsers ProtectClock
		ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectControlGroups ProtectProc ProcSubset
		RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute
		SystemCallArchitectures SystemCallFilter SystemCallErrorNumber UMask User Group`,
	"Install": "WantedBy",
}

func TestUnit(t *testing.T) {
	raw, err := os.ReadFile("scrubd.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range unknown(string(raw)) {
		t.Error(complaint)
	}
	if got := unknown("[Service]\nPrivateTemp=yes\n"); len(got) != 1 {
		t.Errorf("a directive that does not exist is not noticed: %q", got)
	}
	for _, want := range []string{"CAP_BPF", "CAP_NET_ADMIN", "NoNewPrivileges=yes", "RuntimeDirectoryPreserve=yes", "StateDirectory=scrubd", "Type=notify"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	if filepath.Dir(policyfile.DefaultSocket) != "/run/scrubd" || !strings.Contains(string(raw), "RuntimeDirectory=scrubd\n") {
		t.Error("the unit creates another directory than that of the socket")
	}
	verify(t, string(raw))
}

// unknown lists what no section of a unit knows.
func unknown(unit string) (complaints []string) {
	section := ""
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		name, _, _ := strings.Cut(line, "=")
		if !strings.Contains(" "+strings.Join(strings.Fields(directives[section]), " ")+" ", " "+name+" ") {
			complaints = append(complaints, "section "+section+" knows no "+name)
		}
	}
	return complaints
}

// verify asks systemd itself, where it is installed.
func verify(t *testing.T, unit string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd is not installed here; the list above must do")
		return
	}
	path := filepath.Join(t.TempDir(), "scrubd.service")
	unit = regexp.MustCompile(`/usr/bin/scrubd\b`).ReplaceAllString(unit, "/bin/true") // it need not be installed
	if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), path) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
