//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
	"github.com/theriac-edge/theriac/test/fakeplane"
)

// noSleep has programs with the race detector end at once, not after a second.
const noSleep = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", noSleep)
	testscript.Main(m, map[string]func(){"scrubd": main, "daemon": fakeMain})
}

// TestScripts are sessions of an operator. Their daemon is the real one, over a
// dataplane without a kernel.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: func(e *testscript.Env) error { e.Setenv("GORACE", noSleep); return nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":      await,
			"place":      place,
			"exits":      exits,
			"eventually": eventually,
		},
	})
}

// await waits until a file exists.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 6000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

// place writes the session's own directory into files, where they say RUN.
func place(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := strings.ReplaceAll(ts.ReadFile(name), "RUN", ts.MkAbs("run"))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// exits runs a command and expects its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// eventually runs a command until it prints what matches.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if ts.Exec(args[1], args[2:]...) == nil && regexp.MustCompile(args[0]).MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%v never prints %s", args[1:], args[0])
}

// fakeMain runs the daemon over a fake dataplane that has seen a flood.
func fakeMain() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := fakeplane.New()
	f.Counts = []scrub.Tally{
		{Policy: "shops", Reason: reason("clean"), Packets: 1234, Bytes: 100_000},
		{Policy: "shops", Reason: reason("denied"), Packets: 5_000_000, Bytes: 300_000_000},
		{Policy: "shops", Reason: reason("fragment"), Watched: 17},
	}
	watched := reason("fragment")
	at := time.Now().Add(time.Minute) // top counts 10 s, however long a busy machine takes
	for i := range 20 {
		from := netip.AddrFrom4([4]byte{203, 0, 113, byte(i % 3)})
		f.Show = append(f.Show, scrub.Sample{
			Time: at, Policy: "shops", Reason: reason("denied"), Source: from, Dest: netip.MustParseAddr("192.0.2.10"),
			Protocol: 6, SrcPort: 40000, DstPort: 443, Flags: 2, Length: 60,
		})
	}
	f.Show = append(f.Show, scrub.Sample{
		Time: at, Policy: "shops", Reason: reason("clean"), Watched: &watched, Source: netip.MustParseAddr("2001:db8:7::1"),
		Dest: netip.MustParseAddr("2001:db8::10"), Protocol: 17, Length: 1400,
	})
	if why := os.Getenv("REFUSE"); why != "" {
		f.Refuse[why] = fmt.Errorf("the kernel refuses to %s", why)
	}
	f.Again = os.Getenv("AGAIN") != ""
	code := 0
	d, err := daemon.Start(kernelOf(f), os.Args[1], slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err == nil {
		err = d.Run(ctx)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "scrubd: %v; attached to %v\n", err, f.Interfaces())
		code = 1
	}
	os.Exit(code)
}

// kernelOf has a start meet the fake instead of this host.
func kernelOf(f *fakeplane.Plane) daemon.Kernel {
	return daemon.Kernel{
		Load:           func(string) (daemon.Dataplane, error) { return f, nil },
		Running:        func(string) ([]string, error) { return f.Interfaces(), nil },
		Unload:         func(string) error { f.Unload(); return nil },
		Mount:          func(string) (bool, error) { return false, nil },
		DropPrivileges: func(*peersock.Account) error { return f.Refuse["drop"] },
		Sysctls:        func([]scrub.Setting, policyfile.SysctlMode) []hostcheck.Sysctl { return nil },
	}
}

func reason(name string) scrub.Reason {
	r, err := scrub.ParseReason(name)
	if err != nil {
		panic(err)
	}
	return r
}
