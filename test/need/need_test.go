package need

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// A verdict records how a test was ended, in place of ending it.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper() {}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// judge runs one need to its end.
func judge(t *testing.T, need func(testing.TB)) *verdict {
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		need(v)
	}()
	<-done
	return v
}

func TestWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, step := range map[string]struct {
		need            func(testing.TB)
		require         string
		skipped, failed string
	}{
		"a laptop skips":                   {func(t testing.TB) { Redis(t) }, "", "needs redis: no redis-server in $PATH: apt-get install redis-server", ""},
		"CI demands all":                   {func(t testing.TB) { Redis(t) }, "all", "", "THERIAC_REQUIRE demands redis: no redis-server in $PATH: apt-get install redis-server"},
		"one word demands one":             {func(t testing.TB) { Chromium(t) }, "redis,chromium", "", "THERIAC_REQUIRE demands chromium: no chromium in $PATH: apt-get install chromium"},
		"another word does not":            {func(t testing.TB) { Node(t) }, "redis chromium", "needs node: no node in $PATH: apt-get install nodejs", ""},
		"a part of a word is not the word": {func(t testing.TB) { Node(t) }, "nodes", "needs node: no node in $PATH: apt-get install nodejs", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("THERIAC_REQUIRE", step.require)
			got := judge(t, step.need)
			if got.skipped != step.skipped || got.failed != step.failed {
				t.Errorf("skipped %q, failed %q, want %q, %q", got.skipped, got.failed, step.skipped, step.failed)
			}
		})
	}
}

func TestRoot(t *testing.T) {
	t.Setenv("THERIAC_REQUIRE", "")
	got := judge(t, Root)
	if asked := got.skipped != ""; asked != (os.Geteuid() != 0) {
		t.Errorf("user %d: skipped %q", os.Geteuid(), got.skipped)
	}
}

func TestTime(t *testing.T) {
	t.Setenv("THERIAC_REQUIRE", "")
	got := judge(t, Time)
	if asked := got.skipped != ""; asked != testing.Short() {
		t.Errorf("short %t: skipped %q", testing.Short(), got.skipped)
	}
}

func TestLoopback(t *testing.T) {
	t.Setenv("THERIAC_REQUIRE", "")
	got := judge(t, Loopback)
	if asked := got.skipped != ""; asked != (runtime.GOOS != "linux") {
		t.Errorf("%s: skipped %q", runtime.GOOS, got.skipped)
	}
}

func TestNetNS(t *testing.T) {
	if ip := NetNS(t); !strings.HasSuffix(ip, "ip") {
		t.Errorf("NetNS() = %q, want the path of ip", ip)
	}
}

func TestBrowserAndNode(t *testing.T) {
	for _, path := range []string{Chromium(t), Node(t)} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("its path: %v", err)
		}
	}
}

func TestAddrIsOutOfTheKernelsRange(t *testing.T) {
	for range 100 {
		addr := Addr(t)
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatalf("Addr() = %q: %v", addr, err)
		}
		if !tcp.IP.IsLoopback() || tcp.Port < 10_000 || tcp.Port >= 22_000 {
			t.Errorf("Addr() = %q, want a loopback port of 10000 to 21999", addr)
		}
	}
}

func TestCommand(t *testing.T) {
	if out, err := exec.Command(Command(t, "theriac"), "version").Output(); err != nil || len(out) == 0 {
		t.Errorf("running the edge: %v: %q", err, out)
	}
	got := judge(t, func(t testing.TB) { Command(t, "nothing") })
	if want := "building cmd/nothing: "; !strings.HasPrefix(got.failed, want) {
		t.Errorf("a command that is not there: failed %q, want %q", got.failed, want)
	}
}
