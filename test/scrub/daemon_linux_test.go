package scrub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// A daemon is a scrubd on the yard's edge. Its dataplane goes on without it.
type daemon struct {
	t      testing.TB
	host   *lab.Namespace
	bin    string
	config string
	socket string
	pins   string
	cmd    *exec.Cmd
	log    *bytes.Buffer // complete once it has ended
	ended  chan struct{}
}

// guard starts a scrubd with this policy before the yard's edge.
func (y *yard) guard(t testing.TB, policy string) *daemon {
	t.Helper()
	pins, err := y.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	d := &daemon{
		t: t, host: y.Edge, bin: need.Command(t, "scrubd"), config: filepath.Join(dir, "scrubd.yaml"),
		socket: filepath.Join(dir, "run", "s.sock"), pins: filepath.Join(pins, "theriac"),
	}
	text := fmt.Sprintf("%s\ndaemon:\n  socket: %s\n  pins: %s\n  bans: {never_deny: []}\n", policy, d.socket, d.pins)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.start()
	t.Cleanup(func() {
		d.kill()
		if out, err := d.host.Command(context.Background(), d.bin, "unload", "--pins", d.pins).CombinedOutput(); err != nil {
			t.Errorf("taking the dataplane off: %v: %s", err, out)
		}
		if t.Failed() {
			t.Logf("log of scrubd:\n%s", d.log)
		}
	})
	return d
}

func (d *daemon) start() {
	d.t.Helper()
	if err := d.begin(); err != nil {
		d.t.Fatal(err)
	}
	d.await()
}

// await returns when scrubd answers.
func (d *daemon) await() {
	d.t.Helper()
	kit.Eventually(d.t, 10*time.Second, "scrubd answers", func() bool {
		return exec.Command(d.bin, "status", "--socket", d.socket).Run() == nil
	})
}

func (d *daemon) begin() error {
	d.log, d.ended = new(bytes.Buffer), make(chan struct{})
	d.cmd = d.host.Command(context.Background(), d.bin, "run", "--config", d.config)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = d.cmd.Wait() // killed at the end
		close(d.ended)
	}()
	return nil
}

// kill ends scrubd as a crash would.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// packets is how many packets of a policy have left for a reason.
func (d *daemon) packets(policy, reason string) (n uint64) {
	d.t.Helper()
	out, err := exec.Command(d.bin, "status", "--json", "--socket", d.socket).Output()
	if err != nil {
		d.t.Fatalf("asking scrubd: %v: %s", err, out)
	}
	var status struct {
		Rates []scrub.Tally `json:"rates"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		d.t.Fatal(err)
	}
	for _, flow := range status.Rates {
		if flow.Policy == policy && flow.Reason.String() == reason {
			n += flow.Packets
		}
	}
	return n
}

// deny drops a prefix, as people do.
func (d *daemon) deny(prefix string) {
	d.t.Helper()
	if out, err := exec.Command(d.bin, "deny", "add", prefix, "--for", "1h", "--socket", d.socket).CombinedOutput(); err != nil {
		d.t.Fatalf("denying %s: %v: %s", prefix, err, out)
	}
}

// While scrubd is dead the dataplane keeps its deny list, and another start takes
// over without a gap: no packet of a denied source comes through, and no visit
// is lost.
func TestScrubdDiesUnderFlood(t *testing.T) {
	y := newYard(t)
	y.open(t)
	d := y.guard(t, banPolicy)
	d.deny("192.0.2.0/24")
	d.deny("2001:db8:dead::/64")
	revived := make(chan error)
	go func() {
		time.Sleep(time.Second)
		d.kill()
		time.Sleep(time.Second)
		revived <- d.begin()
	}()
	b := y.besiege(t, vector(t, "denied sources"), burstRate, 4*time.Second, 60)
	if err := <-revived; err != nil {
		t.Fatal(err)
	}
	for _, err := range b.visits {
		t.Errorf("a visit while scrubd was dead, or took over: %v", err)
	}
	if n := b.reached.Strangers; n > 0 {
		t.Errorf("%d packets of denied sources came through", n)
	}
	d.await()
	if n, arrived := d.packets("shop", "denied"), b.Packets-b.Lost; n < arrived*99/100 {
		t.Errorf("%d packets are counted as denied, %d arrived", n, arrived)
	}
}
