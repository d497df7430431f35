package counters

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestForms counts with every form of store that an operator may have.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		opts func(t *testing.T) tier.Options
	}{
		{"a password", func(t *testing.T) tier.Options {
			s := need.Redis(t, "requirepass s3cret")
			return tier.Options{Addresses: []string{s.Addr}, Password: "s3cret"}
		}},
		{"an ACL user that may do what the README says", func(t *testing.T) tier.Options {
			s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous +cluster|slots")
			return tier.Options{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret"}
		}},
		{"an ACL user that may do the least", func(t *testing.T) tier.Options {
			s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* &theriac:* -@all +auth +hello +select +client +ping +eval +evalsha +time +get +set +zadd +zremrangebyscore +zrange +zrem +pexpire +hget +hset +hsetnx +hincrby +hdel +del +pttl +zcard +zscore +zrangebyscore +zremrangebyrank +publish +subscribe +unsubscribe")
			return tier.Options{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret"}
		}},
		{"TLS and another database", func(t *testing.T) tier.Options {
			s := need.RedisTLS(t)
			return tier.Options{Addresses: []string{s.Addr}, TLS: trusting(s.TLS), DB: 3}
		}},
		{"a Cluster", func(t *testing.T) tier.Options {
			s := need.RedisCluster(t)
			return tier.Options{Addresses: []string{s[0].Addr, s[1].Addr, s[2].Addr}}
		}},
		{"a Cluster with one door", func(t *testing.T) tier.Options {
			s := need.RedisCluster(t)
			return tier.Options{Addresses: []string{s[1].Addr}, Cluster: true}
		}},
		{"Sentinel", func(t *testing.T) tier.Options {
			s := need.RedisSentinel(t, 1, "requirepass s3cret")
			return tier.Options{Addresses: []string{s.Addr}, Master: s.Name, Password: "s3cret"}
		}},
		{"a Cluster with that ACL user", func(t *testing.T) tier.Options {
			s := need.RedisCluster(t, "user edge on >s3cret resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous +cluster|slots")
			return tier.Options{Addresses: []string{s[0].Addr, s[1].Addr, s[2].Addr}, Username: "edge", Password: "s3cret"}
		}},
		{"Sentinel with ACL users, its own and the store's", func(t *testing.T) tier.Options {
			s := need.RedisSentinel(t, 1, "user edge on >s3cret resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous +cluster|slots")
			s.Do("ACL", "SETUSER", "watcher", "on", ">another", "resetchannels", "&+switch-master", "&+replica-reconf-done",
				"-@all", "+@connection", "+subscribe", "+sentinel|get-master-addr-by-name", "+sentinel|sentinels")
			return tier.Options{
				Addresses: []string{s.Addr}, Master: s.Name, Username: "edge", Password: "s3cret",
				SentinelUsername: "watcher", SentinelPassword: "another",
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			opts := test.opts(t)
			opts.Deadline = 5 * time.Second
			stores := edges(t, 2, opts)
			lim := &Limit{Interval: time.Minute, Burst: 10}
			keys := sample.Keys(100)
			for _, key := range keys {
				for range 10 {
					if !stores[0].Take(key, lim, time.Now()).Allowed() {
						t.Error("a token of the burst was refused")
					}
				}
			}
			sample.Within(t, 10*time.Second, "all is settled", func() bool {
				stores[0].Take(keys[0], lim, time.Now())
				for _, key := range keys {
					stores[0].Take(key, lim, time.Now())
				}
				return lim.Settled.Load() == 1000
			})
			for _, key := range keys {
				if d := stores[1].TakeExact(t.Context(), key, lim, time.Now()); d.Allowed() {
					t.Error("the other edge does not know that the bucket is empty")
				}
			}
			for _, key := range keys {
				if first, shared := stores[0].Once(t.Context(), key, time.Minute); !first || !shared {
					t.Errorf("the first use: first is %t, shared is %t", first, shared)
				}
				if first, shared := stores[1].Once(t.Context(), key, time.Minute); first || !shared {
					t.Errorf("the second use, at the other edge: first is %t, shared is %t", first, shared)
				}
			}
			subscribedAll(t, stores)
			began := time.Now()
			setIt(t, stores[0], "rosen", "2", time.Hour)
			know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
			t.Logf("the other edge knew after %s", time.Since(began))
			stores = append(stores, unstarted(t, opts))
			stores[2].Start()
			know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
			setIt(t, stores[1], "rosen", "", 0)
			know(t, stores, 5*time.Second, map[string]string{})
			began = time.Now()
			stores[0].Protect(sample.Key("net of a"), time.Now())
			banIt(t, stores[0], "b@rosen", ban.ByLimit, time.Hour)
			list(t, stores, 5*time.Second, "b@rosen=limit")
			t.Logf("the other edges had the ban after %s", time.Since(began))
			sample.Within(t, 5*time.Second, "the store knows of customers", func() bool {
				return stores[0].ask(t, "ZCARD", tier.Key("bans:protected")) == 1
			})
			banIt(t, stores[1], "a", ban.ByLimit, time.Hour)
			sample.Within(t, 5*time.Second, "there is no ban", func() bool { return stores[1].Status().Refused.Protected > 0 })
			stores[1].Unban(sample.Key("b"), sample.Key("client"))
			list(t, stores, 5*time.Second, "")
			stores[0].Forget(keys[0])
			sample.Within(t, 5*time.Second, "the store forgets a bucket", func() bool {
				return stores[0].ask(t, "GET", bucketName(keys[0])) == 0
			})
			talk(t, stores[0], stores[1])
			for _, r := range stores {
				if st := r.Status(); !st.Shared || st.Reason != "" {
					t.Errorf("the store is not shared, or changes are late: %s", st.Reason)
				}
			}
		})
	}
}

// TestNoChannel: an ACL without channels costs speed, and the status
// says what is missing.
func TestNoChannel(t *testing.T) {
	t.Parallel()
	s := need.Redis(t, "user edge on >s3cret resetchannels ~theriac:* +@all -@admin -@dangerous")
	stores := edges(t, 2, tier.Options{Addresses: []string{s.Addr}, Username: "edge", Password: "s3cret", Deadline: 5 * time.Second})
	sample.Within(t, 5*time.Second, "the status says what is missing", func() bool {
		st := stores[0].Status()
		return st.Shared && strings.Contains(st.Reason, "NOPERM") && strings.Contains(st.Reason, "&theriac:*")
	})
	setIt(t, stores[0], "rosen", "2", 0)
	know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
	s.Do("ACL", "SETUSER", "edge", "&theriac:*")
	sample.Within(t, 10*time.Second, "the edges hear again", func() bool { return stores[0].Status().Reason == "" })
}

// TestFailover: Sentinel makes a replica the master, and the edge finds it.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := need.RedisSentinel(t, 1)
	store := edges(t, 1, tier.Options{Addresses: []string{s.Addr}, Master: s.Name, Deadline: 100 * time.Millisecond})[0]
	s.Master.Kill()
	sample.Within(t, 20*time.Second, "there is another master", func() bool { return s.MasterAddr() != s.Master.Addr })
	lim := &Limit{Interval: time.Minute, Burst: 1}
	sample.Within(t, 20*time.Second, "a token is settled with it", func() bool {
		store.Take(sample.Key("a visitor"), lim, time.Now())
		return lim.Settled.Load() == 1
	})
	sample.Within(t, 10*time.Second, "a level is set with it", func() bool {
		return store.Set(t.Context(), Level, "rosen", "2", 0, Manual) == nil
	})
	sample.Within(t, 10*time.Second, "a ban is made by it", func() bool {
		banIt(t, store, "a", ban.ByLimit, time.Hour)
		st := store.Status()
		return st.Bans == 1 && st.Pending == 0
	})
	sample.Within(t, 10*time.Second, "it is heard from it", func() bool {
		before, sure := store.Version()
		setIt(t, store, "rosen", "3", 0)
		time.Sleep(50 * time.Millisecond)
		after, _ := store.Version()
		return sure && before > 0 && after == before+1
	})
}

// trusting returns how to encrypt a connection, always alike.
func trusting(config *tls.Config) func() (*tls.Config, error) {
	return func() (*tls.Config, error) { return config, nil }
}

// ask asks for a number by a command with one key; 1 if there is something else, 0 if nothing.
func (e *edge) ask(t testing.TB, command, key string) (n int64) {
	t.Helper()
	script := tier.NewScript("local found = redis.call(ARGV[1], KEYS[1]) return tonumber(found or 0) or 1")
	err := e.tier.Run(t.Context(), 30*time.Second, script, []string{key}, []any{command}, func(reply tier.Reply) (err error) {
		n, err = reply.Int64()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bucketName is what a bucket is called in the store.
func bucketName(key netkey.Key) string {
	return fmt.Sprintf("theriac:bucket:{%02d}:%s", key[0]%64, base64.RawURLEncoding.EncodeToString(key[:]))
}
