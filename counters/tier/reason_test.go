package tier

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestRefusals: what the operator reads says what to try, and no secret.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts func(t *testing.T) Options
		want []string
	}{
		{"nothing listens", func(t *testing.T) Options {
			return Options{Addresses: []string{need.Addr(t)}}
		}, []string{"nothing listens there", "start the store"}},
		{"a wrong password", func(t *testing.T) Options {
			s := need.Redis(t, "requirepass s3cret")
			return Options{Addresses: []string{s.Addr}, Password: "hunter2"}
		}, []string{"WRONGPASS", "check the user name and the password"}},
		{"a wrong password of the Sentinels", func(t *testing.T) Options {
			s := need.RedisSentinel(t, 0)
			s.Do("ACL", "SETUSER", "edge", "on", ">s3cret", "+@all", "&*")
			return Options{Addresses: []string{s.Addr}, Master: s.Name, SentinelUsername: "edge", SentinelPassword: "hunter2"}
		}, []string{"the Sentinels refuse: WRONGPASS", "sentinel_username"}},
		{"a user that may not ask a Cluster for its slots", func(t *testing.T) Options {
			s := need.RedisCluster(t, "user edge on >hunter2 resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous -cluster")
			return Options{Addresses: []string{s[0].Addr}, Cluster: true, Username: "edge", Password: "hunter2", Deadline: time.Second}
		}, []string{"cluster", "allow the user `+cluster|slots` as well"}},
		{"a server without scripts", func(t *testing.T) Options {
			s := need.Redis(t, `rename-command EVALSHA ""`, `rename-command EVAL ""`)
			return Options{Addresses: []string{s.Addr}}
		}, []string{"unknown command", "EVAL and EVALSHA"}},
		{"no password", func(t *testing.T) Options {
			s := need.Redis(t, "requirepass s3cret")
			return Options{Addresses: []string{s.Addr}}
		}, []string{"NOAUTH", "asks for a password"}},
		{"a user that may too little", func(t *testing.T) Options {
			s := need.Redis(t, "user edge on >hunter2 ~* +@all -zadd")
			return Options{Addresses: []string{s.Addr}, Username: "edge", Password: "hunter2"}
		}, []string{"can't run", "in the ACL of each server"}},
		{"a full store", func(t *testing.T) Options {
			s := need.Redis(t, "maxmemory 1kb", "maxmemory-policy noeviction")
			return Options{Addresses: []string{s.Addr}}
		}, []string{"OOM", "raise maxmemory"}},
		{"a replica", func(t *testing.T) Options {
			s := need.RedisSentinel(t, 1)
			return Options{Addresses: []string{s.Replicas[0].Addr}}
		}, []string{"READONLY", "the address of the master"}},
		{"one server of a Cluster", func(t *testing.T) Options {
			s := need.RedisCluster(t)
			for _, server := range s {
				if strings.HasPrefix(server.Do("CLUSTER", "KEYSLOT", nodesKey), "1") {
					continue
				}
				return Options{Addresses: []string{server.Addr}}
			}
			return Options{Addresses: []string{s[0].Addr}}
		}, []string{"MOVED", "give all its addresses"}},
		{"another authority's certificate", func(t *testing.T) Options {
			s, other := need.RedisTLS(t), need.RedisTLS(t)
			return Options{Addresses: []string{s.Addr}, TLS: func() (*tls.Config, error) { return other.TLS, nil }}
		}, []string{"TLS", "the authority that signed"}},
		{"a certificate of an authority that the store does not know", func(t *testing.T) Options {
			s := need.RedisTLS(t, "tls-auth-clients yes")
			stranger := (&kit.Authority{Dir: t.TempDir()}).Sign(t, "edge")
			return Options{Addresses: []string{s.Addr}, TLS: func() (*tls.Config, error) {
				return &tls.Config{RootCAs: s.TLS.RootCAs, Certificates: []tls.Certificate{stranger}}, nil
			}}
		}, []string{"certificate of the edge", "tls-ca-cert-file"}},
		{"a certificate that is missing", func(t *testing.T) Options {
			s := need.RedisTLS(t, "tls-auth-clients yes")
			return Options{Addresses: []string{s.Addr}, TLS: func() (*tls.Config, error) { return &tls.Config{RootCAs: s.TLS.RootCAs}, nil }}
		}, []string{"wants a certificate of the edge", "client_certificate"}},
		{"TLS to a port without", func(t *testing.T) Options {
			return Options{Addresses: []string{need.Redis(t).Addr}, TLS: func() (*tls.Config, error) { return new(tls.Config), nil }}
		}, []string{"no answer", "or does not speak TLS there"}},
		{"no TLS to a port with", func(t *testing.T) Options {
			return Options{Addresses: []string{need.RedisTLS(t).Addr}}
		}, []string{"ends the connection at once", "rediss:// instead"}},
		{"a frozen store", func(t *testing.T) Options {
			s := need.Redis(t)
			s.Stop()
			return Options{Addresses: []string{s.Addr}, Deadline: 200 * time.Millisecond}
		}, []string{"no answer within 200ms", "frozen"}},
		{"a host that is not known", func(*testing.T) Options {
			return Options{Addresses: []string{"redis.invalid:6379"}}
		}, []string{"redis.invalid", "address of the store"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			opts := test.opts(t)
			if opts.Deadline == 0 {
				opts.Deadline = 5 * time.Second // so that a busy machine is not the reason
			}
			news := make(chan string, 10)
			opts.OnChange = func(shared bool, reason string) {
				if shared {
					reason = "it is shared"
				}
				news <- reason
			}
			unstarted(t, opts).Start()
			select {
			case got := <-news:
				t.Log(got)
				for _, want := range append(test.want, opts.Addresses[0]) {
					if !strings.Contains(got, want) {
						t.Errorf("got %q, want %q in it", got, want)
					}
				}
				for _, secret := range []string{"s3cret", "hunter2"} {
					if strings.Contains(got, secret) {
						t.Errorf("%q gives the password away", got)
					}
				}
			case <-time.After(60 * time.Second):
				t.Error("it was not reported that the store is lost")
			}
		})
	}
}

// unstarted makes a tier that is closed with the test.
func unstarted(t testing.TB, opts Options) *Tier {
	t.Helper()
	store, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
