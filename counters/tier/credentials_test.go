package tier

import (
	"crypto/tls"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// rotated is the password of a store's user as an edge reads it, and what it was told.
type rotated struct {
	password, told atomic.Value // text
	gone           atomic.Bool
}

func (r *rotated) options(addr string) Options {
	r.told.Store("nothing")
	return Options{
		Addresses: []string{addr}, Deadline: 5 * time.Second,
		Credentials: func() (string, string, error) {
			if r.gone.Load() {
				return "", "", errors.New("redis: reading the password: no such file")
			}
			return "edge", r.password.Load().(string), nil
		},
		OnCredentials: func(refused string) { r.told.Store(refused) },
	}
}

const edgeUser = "user edge on >old ~theriac:* resetchannels &theriac:* +@all -@admin -@dangerous"

// TestPasswordThatChanges: a connection that works is kept, the next one has the new password.
func TestPasswordThatChanges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t, edgeUser)
	var r rotated
	r.password.Store("old")
	store := edges(t, 1, r.options(server.Addr))[0]
	server.Do("ACL", "SETUSER", "edge", ">new")
	r.password.Store("new")
	server.Do("ACL", "SETUSER", "edge", "<old")
	time.Sleep(1500 * time.Millisecond) // a heartbeat
	if st := store.Status(); !st.Shared {
		t.Errorf("the connection that works is lost: %s", st.Reason)
	}
	server.Do("CLIENT", "KILL", "USER", "edge")
	time.Sleep(1500 * time.Millisecond)
	sample.Within(t, 5*time.Second, "the store is shared with the new password", func() bool { return store.Status().Shared })
}

// TestPasswordThatIsWrong: while connections go on, operators hear within seconds that the
// next one would fail, and why; and that it is right again. What was accepted last is used.
func TestPasswordThatIsWrong(t *testing.T) {
	t.Parallel()
	server := need.Redis(t, edgeUser)
	var r rotated
	r.password.Store("old")
	store := edges(t, 1, r.options(server.Addr))[0]
	accepted := func() bool { return store.credentials.accepted.Load() != nil }
	sample.Within(t, 10*time.Second, "the password was accepted", accepted)
	says := func(part string) {
		t.Helper()
		sample.Within(t, 30*time.Second, "status says "+part, func() bool {
			st := store.Status()
			return st.Shared && strings.Contains(st.Reason, "new connections are refused") && strings.Contains(st.Reason, part)
		})
		if told := r.told.Load().(string); !strings.Contains(told, part) || strings.Contains(told, "hunter2") {
			t.Errorf("the log has %q, want %q", told, part)
		}
	}
	well := func(when string) {
		t.Helper()
		sample.Within(t, 30*time.Second, "all is well "+when, func() bool {
			st := store.Status()
			return st.Shared && st.Reason == "" && r.told.Load() == ""
		})
	}
	r.password.Store("hunter2")
	says("WRONGPASS")
	server.Do("CLIENT", "KILL", "USER", "edge") // as a restart of the store does
	sample.Within(t, 30*time.Second, "it is shared with what was accepted last", func() bool { return store.Status().Shared })
	r.password.Store("old")
	well("with the right one")
	r.gone.Store(true)
	says("no such file")
	r.gone.Store(false)
	well("with the file")
	server.Do("ACL", "SETUSER", "edge", ">new", "<old") // and the file is forgotten: that shows within half a minute
	store.credentials.accepted.Store(nil)
	says("WRONGPASS")
	r.password.Store("new")
	well("with the new one")
}

// TestCertificateWithoutItsKey, as in the middle of a rotation, harms nothing.
func TestCertificateWithoutItsKey(t *testing.T) {
	t.Parallel()
	server := need.RedisTLS(t)
	var broken atomic.Bool
	var told atomic.Value
	told.Store("nothing")
	store := edges(t, 1, Options{
		Addresses: []string{server.Addr}, Deadline: 5 * time.Second,
		TLS: func() (*tls.Config, error) {
			if broken.Load() {
				return nil, errors.New("tls: private key does not match public key")
			}
			return server.TLS.Clone(), nil
		},
		OnCredentials: func(refused string) { told.Store(refused) },
	})[0]
	sample.Within(t, 10*time.Second, "the certificate was accepted", func() bool { return store.credentials.accepted.Load() != nil })
	broken.Store(true)
	sample.Within(t, 30*time.Second, "it is told of", func() bool {
		st := store.Status()
		return st.Shared && strings.Contains(st.Reason, "private key does not match") && strings.Contains(told.Load().(string), "private key")
	})
	server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	sample.Within(t, 30*time.Second, "a new connection has the pair before", func() bool { return store.Status().Shared })
	broken.Store(false)
	sample.Within(t, 30*time.Second, "it is over", func() bool { return store.Status().Reason == "" && told.Load() == "" })
}

func TestSameTLS(t *testing.T) {
	one, other := need.RedisTLS(t).TLS, need.RedisTLS(t).TLS
	for says, c := range map[string]struct {
		a, b *tls.Config
		same bool
	}{
		"read again":          {one, one.Clone(), true},
		"another authority":   {one, other, false},
		"the system's":        {one, &tls.Config{Certificates: one.Certificates}, false},
		"none":                {one, nil, false},
		"a certificate more":  {&tls.Config{}, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{{1}}}}}, false},
		"another certificate": {&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{{2}}}}}, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{{1}}}}}, false},
	} {
		if got := sameTLS(c.a, c.b); got != c.same {
			t.Errorf("%s: same is %t, want %t", says, got, c.same)
		}
	}
}
