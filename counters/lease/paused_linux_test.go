package lease

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestPausedEdge: a process that is stopped while it leads does not believe so when it goes
// on.
func TestPausedEdge(t *testing.T) {
	t.Parallel()
	addr := need.Redis(t).Addr
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(program)
	child.Env = append(os.Environ(), "LEASE_OF="+addr)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var led, token int64 // when it led last
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var at, n int64
			if _, err := fmt.Sscan(lines.Text(), &at, &n); err == nil {
				mu.Lock()
				led, token = at, n
				mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		_ = child.Process.Kill()
		read.Wait()
		_ = child.Wait()
	})
	last := func() (int64, int64) { mu.Lock(); defer mu.Unlock(); return led, token }
	sample.Within(t, 20*time.Second, "the child leads", func() bool { at, _ := last(); return at > 0 })
	e := start(t, tier.Options{Addresses: []string{addr}, Node: "other"})
	sample.Within(t, 10*time.Second, "the other follows it", func() bool { return e.State().Leader == "paused" })
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sample.Within(t, 10*time.Second, "the other leads", func() bool { return e.State().Role == Leading })
	leads, before := time.Now().UnixNano(), e.State().Token
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(life); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if at, _ := last(); at > leads {
			t.Fatal("both lead")
		}
	}
	e.Close()
	sample.Within(t, 10*time.Second, "the child leads again: it was alive", func() bool { at, n := last(); return at > leads && n > before })
}
