package need

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a server of this package may take to be ready.
const patience = 15 * time.Second

// keepData has each write in the kernel's hands before its reply is sent, so
// that killing the process loses nothing.
var keepData = []string{`save ""`, "appendonly yes", "appendfsync no", "auto-aof-rewrite-percentage 0"}

// A RedisServer is a real redis-server on a free loopback port, with a folder
// of its own. It keeps its data over Kill and Restart, and ends with the test.
// Its methods fail the test, so they belong in the test's own goroutine.
type RedisServer struct {
	// Where it listens: an address and a port of 127.0.0.1.
	Addr string

	// How a client trusts it and proves itself; nil unless made by RedisTLS.
	TLS *tls.Config

	t        testing.TB
	dir      string
	args     []string // after the configuration file
	password string
	bus      string // the port by which servers of a Cluster talk
	proc     *process
}

// Redis starts a redis-server and waits until it answers. Each of conf is one
// line of redis.conf, such as "requirepass s3cret", "maxmemory 2mb" or
// "user edge on >s3cret ~* +@all", and beats what this package sets.
func Redis(t testing.TB, conf ...string) *RedisServer {
	t.Helper()
	return redis(t, plain(conf))
}

// plain is the configuration of a server without TLS that belongs to no Cluster.
func plain(conf []string) func(*RedisServer) []string {
	return func(s *RedisServer) []string { return slices.Concat(keepData, []string{listenOn(s.Addr)}, conf) }
}

// RedisTLS starts a redis-server that speaks TLS only. It asks for no client
// certificate unless conf says "tls-auth-clients yes"; TLS holds a good one.
func RedisTLS(t testing.TB, conf ...string) *RedisServer {
	t.Helper()
	return redis(t, func(s *RedisServer) []string {
		cert, key := filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
		s.TLS = certificate(t, cert, key)
		_, port, _ := net.SplitHostPort(s.Addr)
		return slices.Concat(keepData, []string{
			"bind 127.0.0.1", "port 0", "tls-port " + port, "tls-auth-clients no",
			"tls-cert-file " + cert, "tls-key-file " + key, "tls-ca-cert-file " + cert,
		}, conf)
	})
}

// redis starts a server of the configuration that lines makes for its address
// and folder.
func redis(t testing.TB, lines func(*RedisServer) []string, args ...string) *RedisServer {
	t.Helper()
	return redisAt(t, program(t, "redis", "redis-server", "redis-server"), lines, args...)
}

// redisAt starts the server of that path. Where another process takes the address first, it
// tries a new one.
func redisAt(t testing.TB, path string, lines func(*RedisServer) []string, args ...string) *RedisServer {
	t.Helper()
	for range 5 {
		s := &RedisServer{Addr: Addr(t), t: t, dir: t.TempDir(), args: args}
		conf := append([]string{"dir " + s.dir}, lines(s)...)
		s.password = passwordIn(conf)
		if err := os.WriteFile(s.conf(), []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
			t.Fatalf("writing the configuration of redis-server: %v", err)
		}
		t.Cleanup(s.cleanup)
		err := s.run(path)
		if err == nil {
			return s
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			t.Fatalf("starting redis-server on %s: %v", s.Addr, err)
		}
	}
	t.Fatal("starting redis-server: five free addresses were taken before it could listen")
	return nil
}

// Kill ends the server like a crash of its machine: SIGKILL, no goodbye.
func (s *RedisServer) Kill() {
	s.t.Helper()
	s.must("killing", s.proc.kill())
}

// Stop freezes the server (SIGSTOP): connections stay open and nothing answers.
func (s *RedisServer) Stop() {
	s.t.Helper()
	s.must("stopping", s.proc.signal(sigStop))
}

// Cont lets a stopped server go on.
func (s *RedisServer) Cont() {
	s.t.Helper()
	s.must("continuing", s.proc.signal(sigCont))
}

// Restart kills the server if it still runs and starts it on the same address
// with all its data.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.Kill()
	s.must("restarting", s.run(s.proc.cmd.Path))
}

// RestartEmpty is Restart with all data lost, scripts included.
func (s *RedisServer) RestartEmpty() {
	s.t.Helper()
	s.Kill()
	s.must("emptying", os.RemoveAll(filepath.Join(s.dir, "appendonlydir")))
	s.must("restarting", s.run(s.proc.cmd.Path))
}

// Do sends one command and returns its reply as text: numbers in digits, the
// elements of an array one a line. An error reply fails the test. It knows the
// password of a "requirepass" line.
func (s *RedisServer) Do(args ...string) string {
	s.t.Helper()
	text, err := s.ask(args...)
	s.must("asking "+strings.Join(args, " ")+" of", err)
	return text
}

// Info returns the value of one field of INFO, such as "total_commands_processed".
func (s *RedisServer) Info(field string) string {
	s.t.Helper()
	value, ok := infoField(s.Do("INFO", "everything"), field)
	if !ok {
		s.t.Fatalf("INFO of redis-server on %s has no field %q", s.Addr, field)
	}
	return value
}

func (s *RedisServer) ask(args ...string) (string, error) {
	return ask(s.Addr, s.TLS, s.password, args...)
}

func (s *RedisServer) conf() string { return filepath.Join(s.dir, "redis.conf") }

// run starts the process and waits until it has loaded its data and answers, be it by
// a refusal.
func (s *RedisServer) run(path string) error {
	proc, err := start(path, append([]string{s.conf()}, s.args...)...)
	if err != nil {
		return err
	}
	s.proc = proc
	pid := strconv.Itoa(proc.cmd.Process.Pid)
	err = eventually(patience, func() error {
		if proc.ended() {
			return nil
		}
		info, err := s.ask("INFO", "everything")
		if refusal, ok := errors.AsType[errorReply](err); ok && !strings.HasPrefix(string(refusal), "LOADING") {
			return nil
		}
		if got, _ := infoField(info, "process_id"); err == nil && got != pid {
			return fmt.Errorf("process %s answers instead of %s", got, pid)
		}
		if loading, _ := infoField(info, "loading"); loading == "1" {
			return errors.New("it is loading its data") // and answers INFO meanwhile
		}
		return err
	})
	if proc.ended() {
		return fmt.Errorf("it ended: %v\n%s", proc.err, proc.output.String())
	}
	return err
}

func (s *RedisServer) must(doing string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s redis-server on %s: %v", doing, s.Addr, err)
	}
}

// cleanup ends the process and, of a failed test, shows the last it said.
func (s *RedisServer) cleanup() {
	if s.proc == nil {
		return
	}
	if err := s.proc.kill(); err != nil {
		s.t.Errorf("ending redis-server on %s: %v", s.Addr, err)
		return
	}
	if s.t.Failed() {
		said := s.proc.output.String()
		s.t.Logf("redis-server on %s said at last: %s", s.Addr, said[max(0, len(said)-2000):])
	}
}

// listenOn is the line of redis.conf for a plain TCP address.
func listenOn(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return "bind 127.0.0.1\nport " + port
}

// passwordIn returns what the last "requirepass" line of conf asks for.
func passwordIn(conf []string) (password string) {
	for _, line := range conf {
		if rest, ok := strings.CutPrefix(line, "requirepass "); ok {
			password = strings.Trim(rest, `" `)
		}
	}
	return password
}

// infoField finds one field in the answer to INFO.
func infoField(info, field string) (value string, ok bool) {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			return value, true
		}
	}
	return "", false
}
