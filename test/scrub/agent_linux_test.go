package scrub

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// A keeper is a scrubd agent on the yard's data centre.
type keeper struct {
	y      *yard
	config string
	pins   string
	cmd    *exec.Cmd
	log    *bytes.Buffer // complete once it has ended
}

// keepTunnels starts an agent with this policy at the yard's data centre.
func (y *yard) keepTunnels(t *testing.T, policy string) *keeper {
	t.Helper()
	dir, err := y.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{y: y, config: filepath.Join(t.TempDir(), "agent.yaml"), pins: filepath.Join(dir, "agent")}
	text := fmt.Sprintf("%s\ndaemon:\n  pins: %s\n", policy, k.pins)
	if err := os.WriteFile(k.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k.start(t)
	t.Cleanup(func() {
		k.kill()
		if out, err := k.command(context.Background(), t, "agent", "unload", "--pins", k.pins).CombinedOutput(); err != nil {
			t.Errorf("taking the agent off: %v: %s", err, out)
		}
		if t.Failed() {
			t.Logf("log of the agent:\n%s", k.log)
		}
	})
	return k
}

func (k *keeper) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return k.y.Centre.Command(ctx, need.Command(t, "scrubd"), args...)
}

func (k *keeper) start(t *testing.T) {
	t.Helper()
	k.log = new(bytes.Buffer)
	k.cmd = k.command(context.Background(), t, "agent", "run", "--config", k.config)
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kit.Eventually(t, 10*time.Second, "the agent is attached", func() bool {
		out, err := k.command(t.Context(), t, "agent", "status", "--pins", k.pins).CombinedOutput()
		return err == nil && bytes.Contains(out, []byte("in on edge\n")) && bytes.Contains(out, []byte("out on internet\n"))
	})
}

func (k *keeper) kill() {
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait() // killed
}

// Both ends of a tunnel are made by their own programs alone, on hosts that were
// not prepared for it, and go on without them: files travel while scrubd and the
// agent are killed and started again.
func TestTunnelGoesOnWithoutItsKeepers(t *testing.T) {
	y := newYard(t)
	d := y.openDepot(t)
	for _, setting := range []struct {
		host        *lab.Namespace
		name, value string
	}{
		{y.Edge, "net.ipv4.conf.internet.forwarding", "0"},
		{y.Centre, "net.ipv4.conf.edge.rp_filter", "1"},
	} {
		if err := setting.host.Set(setting.name, setting.value); err != nil {
			t.Fatal(err)
		}
	}
	edge, centre := y.guard(t, routedPolicy), y.keepTunnels(t, centrePolicy)
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		moved := make(chan error, 1)
		go func() {
			var err error
			for n := 0; err == nil && (n < 4 || ctx.Err() == nil); n++ {
				method, at := http.MethodPut, lab.Centre4
				if n%2 == 1 {
					method = http.MethodGet
				}
				if n%4 > 1 {
					at = lab.Centre6
				}
				err = d.moved(t.Context(), method, at)
			}
			moved <- err
		}()
		edge.kill()
		centre.kill()
		edge.start()
		centre.start(t)
		stop()
		if err := <-moved; err != nil {
			t.Fatal(err)
		}
	}
	if n := edge.packets("centre", "forwarded"); n < 10_000 {
		t.Errorf("%d packets were forwarded", n)
	}
}

// moved is move, and checks which client the depot saw.
func (d *depot) moved(ctx context.Context, method string, at netip.Addr) error {
	want := lab.Customer4
	if at.Is6() {
		want = lab.Customer6
	}
	client, err := d.move(ctx, method, at, 2*time.Second)
	if err == nil && client != want.String() {
		err = fmt.Errorf("the data centre saw %s, not %s", client, want)
	}
	return err
}
