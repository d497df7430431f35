package packets

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: what customers see depends on it.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}

func needAll(t *testing.T) (scrubd string) {
	t.Helper()
	need.NetNS(t)
	need.BPF(t)
	return need.Command(t, "scrubd")
}

// short has one wave of each vector.
const short = `
name: short
for: 4s
shops: [{name: loewen}, {name: sonnen}]
customers: {arrive: 3/s, think: 100ms, buy: 30%}
waves:
  - {name: SYN flood, at: 0s, for: 1s, shop: loewen, vector: syn, rate: 60000/s}
  - {name: reflection, at: 1s, for: 1s, shop: loewen, vector: reflection, rate: 20000/s}
  - {name: carpet, at: 2s, for: 1s, shop: loewen, vector: carpet, rate: 20000/s}
blackhole: {above: 5000/s, after: 500ms, hold: 10s}
targets: {success: 100%, detect: 0s, lost: 0, doubled: 0}
`

// The long run, with a null route as well: go test ./drill/packets -v -run TestPackets -worlds all
var worlds = flag.String("worlds", "", "all: with the black hole")

// Behind scrubd all visits succeed, from the first second of each vector on. Without it, and
// with a null route, they do not, which is the control.
func TestPackets(t *testing.T) {
	scrubd := needAll(t)
	s, err := scenario.Parse("short.yaml", []byte(short))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range world.Kinds {
		if kind == world.Blackhole && *worlds == "" {
			continue
		}
		run, err := In(t.Context(), Options{Kind: kind, Scenario: s, Dir: t.TempDir(), Scrubd: scrubd})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		good, pages, bad := 0, 0, 0
		for _, shop := range run.Shops {
			for _, second := range shop.Seconds {
				good, pages = good+second.Good, pages+second.Pages
			}
		}
		bad = pages - good
		t.Logf("%s: %d of %d pages good; %+v", kind, good, pages, run.Generator)
		for _, w := range run.Waves {
			t.Logf("%s: %s: %v, %d of %d missed", kind, w.Name, w.Got, w.Missed, w.Due)
			through, stopped := w.Got[record.Served], w.Got[record.Forbidden]
			switch {
			case kind == world.Nothing && (through < w.Due/10 || stopped > through):
				t.Errorf("%s without protection: %d packets came through: this proves nothing", w.Name, through)
			case kind == world.Shield && (stopped < w.Due/10 || through > stopped/3): // the budget of a shop's SYNs passes
				t.Errorf("%s: %d packets stopped, %d came through", w.Name, stopped, through)
			}
		}
		switch {
		case kind == world.Shield && len(run.Verdicts) == 0:
			t.Error("the shield was not judged")
		case kind != world.Shield && bad < pages/20:
			t.Errorf("%s: %d of %d pages are good: the attack does nothing", kind, good, pages)
		}
		for _, v := range run.Verdicts {
			if !v.Met {
				t.Errorf("missed %s", v)
			}
		}
	}
}

// What a drill that was killed leaves behind is removed by the next one.
func TestKilledDrillIsRemoved(t *testing.T) {
	scrubd := needAll(t)
	bin := need.Command(t, "drill")
	start := func(length string) *exec.Cmd {
		dir := t.TempDir()
		text := "name: child\nfor: " + length + "\nshops: [{name: loewen}]\nwaves: [{name: w, at: 0s, for: 1s, shop: loewen, vector: syn, rate: 1000/s}]\n"
		if err := os.WriteFile(filepath.Join(dir, "child.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, "run", "child.yaml", "--against", "shield", "--scrubber", scrubd)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	leftOf := func(cmd *exec.Cmd) (names []string) {
		for _, dir := range []string{"/run", "/run/netns"} {
			found, err := filepath.Glob(fmt.Sprintf("%s/th-%d-*", dir, cmd.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, found...)
		}
		return names
	}
	killed := start("60s")
	kit.Eventually(t, 30*time.Second, "scrubd runs in the drill", func() bool {
		sockets, err := filepath.Glob(filepath.Join(killed.Dir, "theriac-drill-*", "shield", "run", "s.sock"))
		return err == nil && len(sockets) == 1 && exec.Command(scrubd, "status", "--socket", sockets[0]).Run() == nil
	})
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // it was killed
	if names := leftOf(killed); len(names) < 5 {
		t.Fatalf("a drill that was killed left %v: want four namespaces and its pins", names)
	}
	next := start("1s")
	if err := next.Wait(); err != nil {
		t.Fatal(err)
	}
	if names := append(leftOf(killed), leftOf(next)...); len(names) > 0 {
		t.Errorf("%s are left", strings.Join(names, ", "))
	}
}

// Who is not root is told so, and what to try.
func TestNotRoot(t *testing.T) {
	err := available(1000)
	if err == nil || !strings.Contains(err.Error(), "only root may make network namespaces") || !strings.HasPrefix(hint.Of(err), "sudo ") {
		t.Errorf("%v, try %q", err, hint.Of(err))
	}
}
