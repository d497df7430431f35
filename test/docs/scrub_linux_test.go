package docs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// scrubHost is a machine with a scrubd that protects the shops of a lab, as the
// policy file of docs/scrubber.md does.
func scrubHost(t *testing.T) *machine {
	t.Helper()
	need.NetNS(t)
	need.BPF(t)
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	pins, err := l.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin, config, socket := need.Command(t, "scrubd"), filepath.Join(dir, "scrubd.yaml"), filepath.Join(dir, "run", "s.sock")
	policy := fmt.Sprintf("interfaces: [%s]\npolicies:\n  - name: shops\n    protect: [203.0.113.10, \"2001:db8:113::10\"]\n    mode: monitor\n"+
		"    tcp: [80, 443]\n    quic: [443]\ndaemon:\n  socket: %s\n  pins: %s\n", lab.ToInternet, socket, filepath.Join(pins, "theriac"))
	if err := os.WriteFile(config, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	daemon := l.Edge.Command(context.Background(), bin, "run", "--config", config)
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait() // killed
		if out, err := l.Edge.Command(context.Background(), bin, "unload", "--pins", filepath.Join(pins, "theriac")).CombinedOutput(); err != nil {
			t.Errorf("taking the dataplane off: %v: %s", err, out)
		}
		if t.Failed() {
			t.Logf("log of scrubd:\n%s", &log)
		}
	})
	kit.Eventually(t, 10*time.Second, "scrubd answers", func() bool { return exec.Command(bin, "status", "--socket", socket).Run() == nil })
	m := &machine{path: t.TempDir(), documented: []string{"/etc/theriac/scrubd.yaml", "eth0"}, here: []string{config, lab.ToInternet}}
	m.program(t, "scrubd", fmt.Sprintf("set -- \"$@\" --socket %s\nif [ \"$1 $2\" = 'policy check' ]; then set -- \"$@\" --config %s; fi\nexec %s \"$@\"", socket, config, bin))
	return m
}
