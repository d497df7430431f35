package need

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRedisKeepsItsDataOverACrash(t *testing.T) {
	s := Redis(t)
	s.Do("SET", "order", "4711")
	s.Kill()
	if _, err := s.ask("PING"); err == nil {
		t.Error("a killed server answers PING")
	}
	s.Restart()
	if got, want := s.Do("GET", "order"), "4711"; got != want {
		t.Errorf("after Restart GET = %q, want %q", got, want)
	}
	s.RestartEmpty()
	if got, want := s.Do("GET", "order"), ""; got != want {
		t.Errorf("after RestartEmpty GET = %q, want %q", got, want)
	}
}

func TestRedisStopsAndGoesOn(t *testing.T) {
	s := Redis(t)
	s.Stop()
	answered := make(chan error, 1)
	go func() {
		_, err := s.ask("PING")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Errorf("a stopped server answered, error %v", err)
	case <-time.After(100 * time.Millisecond):
		s.Cont()
		if err := <-answered; err != nil {
			t.Errorf("PING after Cont: %v", err)
		}
	}
}

func TestRedisObeysItsLines(t *testing.T) {
	s := Redis(t, "requirepass s3cret", "maxmemory 2mb", "user edge on >pw ~* +ping")
	if got, want := s.Do("CONFIG", "GET", "maxmemory"), "maxmemory\n2097152"; got != want {
		t.Errorf("CONFIG GET maxmemory = %q, want %q", got, want)
	}
	if _, err := ask(s.Addr, nil, "", "PING"); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("PING without password: error %v, want NOAUTH", err)
	}
	if got := s.Do("ACL", "LIST"); !strings.Contains(got, "user edge on") {
		t.Errorf("ACL LIST = %q, want the user edge in it", got)
	}
	if got := s.Info("redis_version"); got == "" {
		t.Error("INFO says no version")
	}
}

func TestRedisRefusesAWrongLine(t *testing.T) {
	got := judge(t, func(t testing.TB) { Redis(t, "maxmemory lots") })
	if want := "argument must be a memory value"; !strings.Contains(got.failed, want) {
		t.Errorf("it failed with %q, want %q in it", got.failed, want)
	}
}

func TestRedisDoesNotMistakeAnotherForItself(t *testing.T) {
	first := Redis(t)
	second := *first
	err := second.run(first.proc.cmd.Path)
	if err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("a second server on %s: error %v, want an address in use", first.Addr, err)
	}
}

func TestRedisTLS(t *testing.T) {
	s := RedisTLS(t, "tls-auth-clients yes")
	if got, want := s.Do("PING"), "PONG"; got != want {
		t.Errorf("PING over TLS = %q, want %q", got, want)
	}
	if _, err := ask(s.Addr, nil, "", "PING"); err == nil {
		t.Error("a TLS server answers in clear")
	}
	stranger := s.TLS.Clone()
	stranger.Certificates = nil
	if _, err := ask(s.Addr, stranger, "", "PING"); err == nil {
		t.Error("a server that asks for certificates answers a client without one")
	}
}

func TestRedisCluster(t *testing.T) {
	nodes := RedisCluster(t)
	moved := 0
	for _, node := range nodes {
		if _, err := node.ask("SET", "order", "4711"); err != nil && strings.HasPrefix(err.Error(), "MOVED") {
			moved++
		}
	}
	if moved != 2 {
		t.Errorf("%d nodes sent the key elsewhere, want 2", moved)
	}
	for _, node := range nodes {
		node.Restart()
	}
	for _, node := range nodes {
		if err := eventually(patience, func() error { return node.isWhole(len(nodes)) }); err != nil {
			t.Errorf("%s after a restart of all: %v", node.Addr, err)
		}
	}
}

func TestRedisSentinelFailsOver(t *testing.T) {
	s := RedisSentinel(t, 1, "requirepass s3cret")
	if got, want := s.MasterAddr(), s.Master.Addr; got != want {
		t.Errorf("the master is %q, want %q", got, want)
	}
	s.Master.Do("SET", "order", "4711")
	s.Master.Do("WAIT", "1", "1000")
	s.Master.Kill()
	replica := s.Replicas[0]
	err := eventually(patience, func() error {
		if got := s.MasterAddr(); got != replica.Addr {
			return fmt.Errorf("the master is %q, want %q", got, replica.Addr)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	replica.Do("SET", "shipped", "yes")
	if got, want := replica.Do("GET", "order"), "4711"; got != want {
		t.Errorf("GET of the new master = %q, want %q", got, want)
	}
}
