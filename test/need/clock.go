package need

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed testdata/clock.c
var clockSource []byte

// A Clock is that of one server. Only the time of day changes: its timers, and other
// processes, keep to the machine's.
type Clock struct {
	t    testing.TB
	file string
}

// RedisClock is Redis on a machine whose clock the test sets.
func RedisClock(t testing.TB, conf ...string) (*RedisServer, *Clock) {
	t.Helper()
	redis, gcc := program(t, "redis", "redis-server", "redis-server"), program(t, "gcc", "gcc libc6-dev", "gcc")
	dir := t.TempDir()
	source, library, script := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so"), filepath.Join(dir, "redis-server")
	c := &Clock{t, filepath.Join(dir, "offset")}
	c.Step(0)
	write(t, source, clockSource)
	if out, err := exec.Command(gcc, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("building the clock: %v\n%s", err, out)
	}
	write(t, script, fmt.Appendf(nil, "#!/bin/sh\nexport LD_PRELOAD=%s CLOCK_OFFSET=%s\nexec %s \"$@\"\n", library, c.file, redis))
	return redisAt(t, script, plain(conf)), c
}

// Step sets the clock to be off by that much from the machine's; back if negative.
func (c *Clock) Step(by time.Duration) {
	c.t.Helper()
	next := c.file + ".next"
	write(c.t, next, fmt.Appendf(nil, "%+d\n", int64(by.Seconds())))
	if err := os.Rename(next, c.file); err != nil {
		c.t.Fatal(err)
	}
}

func write(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o700); err != nil {
		t.Fatal(err)
	}
}

// RedisFailover is Redis behind one address. promote has a replica take over whose clock is off by
// that much.
func RedisFailover(t testing.TB, by time.Duration) (addr string, promote func()) {
	t.Helper()
	master := Redis(t, "repl-diskless-sync-delay 0")
	_, port, _ := net.SplitHostPort(master.Addr)
	replica, clock := RedisClock(t, "replicaof 127.0.0.1 "+port)
	clock.Step(by)
	replica.must("waiting for the replication of", eventually(patience, func() error {
		if status := replica.Info("master_link_status"); status != "up" {
			return fmt.Errorf("its link to the master is %q", status)
		}
		return nil
	}))
	front := Forward(t, master.Addr)
	return front.Addr, func() {
		replica.Do("REPLICAOF", "NO", "ONE")
		front.Move(replica.Addr)
	}
}
